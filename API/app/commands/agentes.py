"""`init_app.py agentes`: the servers, and what the operator decides about them."""

import argparse
import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Row

from API.app.agents import (
    ACTIONS,
    NoSuchServerError,
    ask_for_rotation,
    change_state,
    clones_of,
    find,
    find_to_change,
    label,
)
from API.app.audit import operator
from API.app.commands.arguments import positive
from API.app.commands.tables import in_columns, minute, one_line
from API.app.commands.writing import writing
from API.app.queries.admission import REVOKED
from API.app.queries.agentes import all_servers
from API.app.roster import SKEW_S
from API.app.settings import Settings, SettingsError
from createDB.engine import open_engine
from createDB.state import ready

STATES = {
    "pause": ("pausar", "no recibe sus reportes hasta resume; esperan en su agente"),
    "resume": ("reanudar", "vuelve a estar activo, de cualquier otro estado"),
    "retire": ("retirar", "lo quita de listas y alertas; vuelve si reporta"),
    "revoke": ("revocar", "no vale más su token: nada suyo se recibe"),
}
"""Word of the command -> one of `ACTIONS`, what it does."""

ROTATION_H = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACCIÓN", required=True)
    actions.add_parser("list", help="los muestra todos", allow_abbrev=False)
    for name, (_, text) in STATES.items():
        _named(actions.add_parser(name, help=text, allow_abbrev=False))
    rotate = actions.add_parser(
        "rotate", help="hace que su agente se dé otro token", allow_abbrev=False
    )
    rotate.add_argument(
        "--horas", type=positive, default=ROTATION_H, metavar="H",
        help="cuánto vale el anterior todavía (por omisión: %(default)s)",
    )  # fmt: skip
    _named(rotate)
    labels = actions.add_parser("label", help="pone etiquetas; sin valor, las quita",
                                allow_abbrev=False)  # fmt: skip
    labels.add_argument("server", metavar="SERVIDOR", help="su id o su hostname")
    labels.add_argument("labels", metavar="CLAVE=VALOR", nargs="+", type=_pair)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked for, to every server that is named, or to none."""
    if options.action == "list":
        print("\n".join(in_columns(COLUMNS, map(_cells, _servers(settings)))))
        return 0
    act = _ACTIONS.get(options.action, _change_state)
    names = [options.server] if options.action == "label" else options.servers
    try:
        with writing(settings) as connection:
            found = {name: find(connection, name) for name in names}
            said = {}
            # In the order in which the writer locks servers too: they never wait for each other.
            for name in sorted(found, key=lambda name: found[name].num_agente):
                server = find_to_change(connection, found[name].id_agente)
                said[name] = act(connection, server, options)
    except NoSuchServerError as error:
        raise SettingsError(str(error)) from None
    print("\n".join(said[name] for name in found))
    return 0


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("servers", metavar="SERVIDOR", nargs="+", help="su id o su hostname")


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not name or not found or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} no es CLAVE=VALOR")
    if value and ":" in name:  # who asks for servers with a label writes name:value
        raise argparse.ArgumentTypeError(f"{text!r}: la CLAVE no puede llevar dos puntos")
    return name, value


def _change_state(connection: Connection, server: Row[Any], options: argparse.Namespace) -> str:
    action = ACTIONS[STATES[options.action][0]]
    state = action.state
    changed = change_state(connection, operator(), server.num_agente, state, action.noted)
    said = f"{_shown(server)}: {state}" + ("" if changed else ", como ya estaba")
    clones = clones_of(connection, server.id_agente) if state == REVOKED else ()
    return said + "".join(f"\n  con su token se dio de alta {clone}" for clone in clones)


def _rotate(connection: Connection, server: Row[Any], options: argparse.Namespace) -> str:
    ask_for_rotation(connection, operator(), server, options.horas)
    return f"{_shown(server)}: se dará otro token con su próximo reporte"


def _label(connection: Connection, server: Row[Any], options: argparse.Namespace) -> str:
    labels = label(connection, operator(), server, dict(options.labels))
    return f"{_shown(server)}: {_labels(labels) or 'sin etiquetas'}"


_ACTIONS: dict[str, Callable[[Connection, Row[Any], argparse.Namespace], str]] = {
    "rotate": _rotate,
    "label": _label,
}


def _servers(settings: Settings) -> Iterable[Row[Any]]:
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        with engine.connect() as connection:
            return all_servers(connection)
    finally:
        engine.dispose()


COLUMNS = ("ID", "SERVIDOR", "DIRECCIÓN", "ESTADO", "ÚLTIMO REPORTE", "VERSIÓN", "NOTAS")


WIDEST = 60


def _cells(server: Row[Any]) -> tuple[str, ...]:
    reported = (server.hostname, server.ipaddress, server.version_agente)
    hostname, address, version = (one_line(text or "-")[:WIDEST] for text in reported)
    last, notes = minute(server.ultimo_reporte) or "-", "; ".join(_notes(server)) or "-"
    return server.id_agente, hostname, address, server.estado, last, version, notes


def _notes(server: Row[Any]) -> list[str]:
    """Give what is out of the ordinary, and the labels."""
    skew = round(server.desfase or 0)
    notes = {
        "sin token": not server.tiene_token,
        f"su reloj va {abs(skew)} s {'adelantado' if skew > 0 else 'atrasado'}": abs(skew) > SKEW_S,
        f"clon de {server.clon_de}": server.clon_de,
        f"dos máquinas con su identidad, {minute(server.clon_visto)}": server.clon_visto,
        "cambia de token": server.rotacion is not None,
        _labels(json.loads(server.etiquetas or "{}")): server.etiquetas,
    }
    return [text for text, holds in notes.items() if holds]


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _shown(server: Row[Any]) -> str:
    return one_line(f"{server.hostname or '-'} ({server.id_agente})")
