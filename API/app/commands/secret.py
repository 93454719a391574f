"""`init_app.py secret`: the secret with which servers enrol."""

import argparse
from typing import Any

from sqlalchemy import Row

from API.app.audit import operator
from API.app.commands.arguments import networks, positive
from API.app.commands.writing import writing
from API.app.invitations import (
    Limits,
    invitation_text,
    latest,
    make_secret,
    state_of,
)
from API.app.serial import serially
from API.app.settings import Settings
from createDB.engine import open_engine
from createDB.postgresql.locks import Lock
from createDB.state import ready


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", metavar="rotate|show", required=True)
    rotate = actions.add_parser(
        "rotate", help="hace otro, que reemplaza al anterior, y muestra la línea que lo usa",
        allow_abbrev=False,
    )  # fmt: skip
    rotate.add_argument("--redes", type=networks, metavar="REDES",
                        help="sólo desde estas redes, separadas por comas")  # fmt: skip
    rotate.add_argument("--cupo", type=positive, metavar="N",
                        help="para tantos servidores")  # fmt: skip
    rotate.add_argument("--horas", type=positive, metavar="H",
                        help="durante tantas horas")  # fmt: skip
    actions.add_parser("show", help="dice desde cuándo rige, sus límites y cuántas altas lleva")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked for."""
    if options.action == "rotate":
        limits = Limits(options.redes, options.cupo, options.horas)
        with writing(settings) as connection:
            secret = make_secret(connection, operator(), limits)
        print(invitation_text(settings, secret))
    else:
        print(state_of(_latest(settings)))
    return 0


def introduce(settings: Settings, into_journal: bool) -> None:
    """Make the first enrolment secret, and say this once how it is used; then never again.

    Args:
        settings: of the collector.
        into_journal: whether what is printed is kept by the system: then no secret is.
    """
    if _latest(settings) is not None:
        return
    if into_journal:
        print("Para dar de alta servidores: `init_app.py secret rotate`, en una terminal.")
        return
    with writing(settings) as connection:
        serially(connection, Lock.INVITING)
        if latest(connection) is not None:
            return  # another collector of this database has started meanwhile
        secret = make_secret(connection, operator(), Limits())
    print(invitation_text(settings, secret), flush=True)


def _latest(settings: Settings) -> Row[Any] | None:
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        with engine.connect() as connection:
            return latest(connection)
    finally:
        engine.dispose()
