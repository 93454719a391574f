"""`init_app.py excepciones`: what need not comply with a policy, why, and until when."""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from API.app.agents import NoSuchServerError
from API.app.audit import operator
from API.app.commands.arguments import positive, until
from API.app.commands.tables import in_columns, minute, one_line
from API.app.commands.writing import writing
from API.app.queries.excepciones import all_exceptions
from API.app.queries.times import as_ms, from_ms
from API.app.settings import Settings, SettingsError
from API.app.waivers import Label, WaiverError, end_now, grant
from createDB.engine import open_engine
from createDB.state import ready

COLUMNS = ("ID", "POLÍTICA", "PARA", "DESDE", "HASTA", "ESTADO", "QUIÉN", "MOTIVO")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACCIÓN", required=True)
    actions.add_parser("list", help="las muestra todas, también las que terminaron")
    add = actions.add_parser("add", help="concede una, desde ahora", allow_abbrev=False)
    add.add_argument("policy", metavar="POLÍTICA", help="el id de una política en vigor")
    whom = add.add_mutually_exclusive_group(required=True)
    whom.add_argument("--server", dest="whom", metavar="SERVIDOR", help="su id o su hostname")
    whom.add_argument(
        "--label",
        dest="whom",
        metavar="CLAVE[:VALOR]",
        type=_label,
        help="los servidores con esta etiqueta, también los que la tengan después",
    )
    add.add_argument(
        "--until",
        metavar="FECHA",
        type=until,
        required=True,
        help="termina por sí sola: 2026-12-31 (ese día incluido, en UTC) o 2026-12-31T10:00:00Z",
    )
    add.add_argument("--reason", metavar="TEXTO", type=str.strip, required=True, help="por qué")
    end = actions.add_parser("end", help="termina una antes de su fecha", allow_abbrev=False)
    end.add_argument("number", metavar="ID", type=positive)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked for."""
    if options.action == "list":
        now = as_ms(datetime.now(UTC))
        rows = (_cells(exception, now) for exception in _exceptions(settings))
        print("\n".join(in_columns(COLUMNS, rows)))
        return 0
    act = _add if options.action == "add" else _end
    try:
        with writing(settings) as connection:
            said = act(connection, options)
    except (NoSuchServerError, WaiverError) as error:
        raise SettingsError(str(error)) from None
    print(said)
    return 0


def _add(connection: Connection, options: argparse.Namespace) -> str:
    number = grant(
        connection, operator(), options.policy, options.whom, options.until, options.reason
    )
    until = minute(from_ms(as_ms(options.until)))
    return one_line(f"excepción {number}: {options.policy}, {options.whom}, hasta {until}")


def _end(connection: Connection, options: argparse.Namespace) -> str:
    end_now(connection, operator(), options.number)
    return f"excepción {options.number}: terminada"


def _exceptions(settings: Settings) -> Iterable[Row[Any]]:
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        with engine.connect() as connection:
            return all_exceptions(connection)
    finally:
        engine.dispose()


def _cells(exception: Row[Any], now: int) -> tuple[str, ...]:
    whom = exception.hostname or exception.id_agente
    if exception.etiqueta is not None:
        whom = f"etiqueta {Label(exception.etiqueta, exception.valor)}"
    start, end = (minute(from_ms(moment)) for moment in (exception.desde, exception.hasta))
    cells = (str(exception.id_excepcion), exception.id_politica, whom, start, end,
             _state(exception, now), exception.quien, exception.motivo)  # fmt: skip
    return tuple(map(one_line, cells))


def _state(exception: Row[Any], now: int) -> str:
    if exception.terminada is not None:
        return f"terminada {minute(from_ms(exception.terminada))}"
    return "en vigor" if exception.hasta > now else "vencida"


def _label(text: str) -> Label:
    name, found, value = text.partition(":")
    if not name or (found and not value) or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} no es CLAVE ni CLAVE:VALOR")
    return Label(name, value if found else None)
