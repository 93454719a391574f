"""`init_app.py report`: the audit report of a period, and whether one still says what was so."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError
from tqdm import tqdm

from API.app.auditing.asking import read_scope
from API.app.auditing.audit import Audit
from API.app.auditing.files import Format, format_of, is_same, stamp_of, write
from API.app.auditing.model import Scope
from API.app.auditing.stamp import Stamp, StampError
from API.app.commands.arguments import moment, until
from API.app.queries.times import from_ms, now_ms
from API.app.settings import Settings, SettingsError
from API.app.words import SpokenError
from createDB.engine import name_of, open_engine, unusable
from createDB.state import require_current
from createDB.words import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("--from", dest="since", metavar="FECHA", type=moment,
                        help="2026-11-01, o 2026-11-01T10:00:00Z (UTC)")  # fmt: skip
    parser.add_argument("--to", dest="until", metavar="FECHA", type=until,
                        help="hasta antes de ese momento; un día, incluido")  # fmt: skip
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--server", metavar="SERVIDOR", help="sólo de éste: su id o su hostname")
    whom.add_argument("--label", metavar="CLAVE[:VALOR]",
                      help="sólo de los que tenían esta etiqueta al final del período")  # fmt: skip
    parser.add_argument("--policy", metavar="POLÍTICA", help="sólo de ésta: su id")
    parser.add_argument("--format", type=Format, choices=list(Format),
                        help="por omisión, como termine el nombre del archivo")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="ARCHIVO", help="no debe existir todavía")
    parser.add_argument("--verify", type=Path, metavar="ARCHIVO",
                        help="dice si los datos de hoy dan todavía este informe")  # fmt: skip


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked for; 1 where a report is no longer what the data say."""
    if options.verify:
        return _verify(settings, options.verify)
    if None in (options.since, options.until, options.output):
        raise SettingsError("diga --from, --to y --output; o --verify con un informe")
    form = options.format or format_of(options.output)
    if form is None:
        raise SettingsError(f"diga --format: {options.output.name} no termina en {_ENDS}")
    now = now_ms()
    with _reading(settings) as connection:
        scope = _scope(connection, options, now)
        with Audit(connection, scope, _progress) as audit:
            write(audit, Stamp.of(audit, now), form, options.output)
    print(f"{options.output}: de {from_ms(scope.desde)} a {from_ms(scope.hasta)}, "
          f"servidores: {audit.servers}, SHA-256 {audit.sha256}")  # fmt: skip
    return 0


_ENDS = ", ".join(f".{form}" for form in Format)


def _verify(settings: Settings, path: Path) -> int:
    try:
        form, stamp = stamp_of(path)
    except StampError as error:
        raise SettingsError(str(error)) from None
    with _reading(settings) as connection, Audit(connection, stamp.scope, _progress) as audit:
        if audit.sha256 != stamp.sha256:
            print(f"{path}: los datos ya no dan esa huella; hoy dan {audit.sha256}")
            for reason in _reasons(audit):
                print(f"  {reason}")
            return 1
        if not is_same(audit, stamp, form, path):
            print(f"{path}: los datos dan esa huella, pero el archivo no es el que se haría hoy: "
                  "se cambió, o cambiaron nombres, títulos o el programa")  # fmt: skip
            return 1
    print(f"{path}: los datos dan esa huella, y el archivo es el que se haría hoy")
    return 0


def _reasons(audit: Audit) -> Iterator[str]:
    """Tell what may have changed what was so."""
    for what, limit in (("reportes", audit.limits.reportes), ("veredictos", audit.limits.periodos)):
        if limit > audit.scope.desde:
            yield f"la retención quitó {what} de antes de {from_ms(limit)}"
    if audit.unjudged:
        unjudged = counted(audit.unjudged, "reporte", "reportes")
        yield f"por juzgar, de antes del fin del período: {unjudged}"
    yield "un reporte que llegó tarde cambia lo que fue cierto"


def _scope(connection: Connection, options: argparse.Namespace, now: int) -> Scope:
    """Read what is asked for.

    Raises:
        SettingsError: there is no such thing.
    """
    try:
        return read_scope(
            connection, options.since, options.until, now, server=options.server,
            label=options.label, policy=options.policy,
        )  # fmt: skip
    except SpokenError as error:
        raise SettingsError(str(error)) from None


@contextmanager
def _reading(settings: Settings) -> Iterator[Connection]:
    """Give a connection that sees one state of the database and cannot change it."""
    require_current(settings.database)
    reader = open_engine(settings.database, read_only=True, plan_each=True)
    try:
        with reader.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise unusable(error, name_of(settings.database)) from error
    finally:
        reader.dispose()


def _progress(servers: Sequence[Row[Any]]) -> "tqdm[Row[Any]]":
    return tqdm(servers, desc="informe", unit="serv", disable=None)
