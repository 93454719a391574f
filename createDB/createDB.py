"""Builds, upgrades, rebuilds and checks the database: `python3 createDB/createDB.py --help`."""

import gc
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As a script, Python puts this folder first, where `createDB` would be this file instead of
    # the package.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT / "createDB"]
    sys.path.insert(0, str(ROOT))
    if find_spec("sqlalchemy") is None:
        print(
            "createDB.py: falta la biblioteca sqlalchemy; ./init_app.sh instala en .venv lo que "
            "hace falta: después, .venv/bin/python createDB/createDB.py",
            file=sys.stderr,
        )
        sys.exit(2)
    gc.disable()  # until all is imported: to look for garbage in it takes a fifth of the time

import argparse
import os
import signal
from collections.abc import Callable, Sequence
from types import FrameType

from sqlalchemy.engine import URL

from API.app.at_rest import UMASK
from API.app.settings import (
    DEFAULT_CONFIG,
    SETTINGS,
    Settings,
    SettingsError,
    require_text,
    settings_from,
)
from API.app.storage import known_name
from API.app.version import VERSION
from createDB.build import build
from createDB.engine import database_path, database_url, is_postgresql, name_of, unusable
from createDB.errors import DatabaseUnusableError
from createDB.snapshot import snapshot
from createDB.state import require_current
from createDB.views import Layout

OK, DIFFERENT, UNUSABLE, INTERRUPTED = 0, 1, 3, 130

DESCRIPTION = """\
Construye la base de datos, o la actualiza sin perder una fila si es de una versión anterior.
Se puede ejecutar cuantas veces se quiera.
"""

EXIT_CODES = """\
Código de salida:
  0    hecho; con --check, la bitácora y la base dicen lo mismo
  1    con --check o --from-database, hay diferencias; con --from-log, hubo líneas que no se
       pudieron leer; con --layout, se perdería algo: se dice qué, y la base queda como estaba
  2    una opción o un ajuste está mal
  3    la base de datos o la bitácora no se puede usar: se dice por qué en una línea
  130  interrumpido
"""

OWN_SETTINGS = ("database", "storage", "keep_reports", "keep_periods", "keep_log")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code."""
    gc.enable()
    signal.signal(signal.SIGTERM, _stop)
    try:
        options = _options(sys.argv[1:] if arguments is None else arguments)
        return _run(options, _settings(options))
    except SettingsError as error:
        return _fail(str(error), 2)
    except DatabaseUnusableError as error:
        return _fail(str(error), UNUSABLE)
    except OSError as error:
        return _fail(str(unusable(error, Path(error.filename or "."))), UNUSABLE)
    except KeyboardInterrupt:
        return _fail("interrumpido; no se dejó nada a medias", INTERRUPTED)


def _run(options: argparse.Namespace, settings: Settings) -> int:
    url = settings.database
    logs = options.from_log or [settings.storage / "text"]
    steps: list[Callable[[], int]] = []
    if options.from_log:
        steps.append(lambda: _rebuild(url, logs, options.layout))
    elif options.from_database:
        steps.append(lambda: _move(settings, database_url(options.from_database)))
    elif options.rollback:
        steps.append(lambda: _rollback(settings))
    elif not (options.check or options.snapshot or options.housekeeping):
        steps.append(lambda: _build(settings, options.layout))
    if options.housekeeping:
        steps.append(lambda: _housekeeping(settings, options.dry_run))
    if options.check:
        steps.append(lambda: _check(url, logs[0]))
    if options.snapshot:
        steps.append(lambda: _snapshot(settings, options.snapshot))
    return max(step() for step in steps)


def _build(settings: Settings, layout: Layout | None) -> int:
    _say(build(settings.database, layout or Layout.COMPLETO))
    if layout is None:
        return OK
    from createDB.conversion import convert, give_back

    code = _said(convert(settings, layout))
    if code == OK and layout is Layout.COMPACTO:
        code = _said((True, give_back(settings)))
    return code


def _rebuild(url: URL, logs: Sequence[Path], layout: Layout | None) -> int:
    from createDB.rebuild import rebuild  # pandas takes a second to import, and building needs none

    return _going_on(lambda: rebuild(url, *logs, layout=layout or Layout.COMPLETO), url)


def _move(settings: Settings, source: URL) -> int:
    from createDB.moving.move import move

    return _going_on(lambda: move(settings, source), settings.database)


def _going_on(fill: Callable[[], tuple[bool, list[str]]], url: URL) -> int:
    """Fill a database; on PostgreSQL, what is interrupted goes on with the same command."""
    try:
        return _said(fill())
    except KeyboardInterrupt:
        if not is_postgresql(url):
            raise
        return _fail("interrumpido; repita la orden y sigue donde quedó", INTERRUPTED)


def _check(url: URL, log: Path) -> int:
    from createDB.compare import compare

    return _said(compare(url, log))


def _housekeeping(settings: Settings, dry_run: bool) -> int:
    from createDB.housekeeping import housekeeping

    return _said((True, housekeeping(settings, dry_run=dry_run)))


def _snapshot(settings: Settings, target: Path) -> int:
    url = settings.database
    if is_postgresql(url):
        require_current(url)
    elif not database_path(url).is_file():
        raise DatabaseUnusableError(f"{database_path(url)}: no existe")
    snapshot(url, target, owner=known_name(settings.storage))
    return _say(f"{target}: copia íntegra de {name_of(url)}")


def _rollback(settings: Settings) -> int:
    from createDB.rollback import go_back

    return _said((True, go_back(settings)))


def _said(outcome: tuple[bool, list[str]]) -> int:
    """Print the lines of an outcome; give the exit code for whether all was well."""
    well, lines = outcome
    for line in lines:
        _say(line)
    return OK if well else DIFFERENT


def _say(line: str) -> int:
    print(line, flush=True)  # at once: what comes next may be killed
    return OK


def _fail(line: str, code: int) -> int:
    print(f"createDB.py: {line}", file=sys.stderr)
    return code


def _settings(options: argparse.Namespace) -> Settings:
    given = {field: getattr(options, field) for field in OWN_SETTINGS}
    config = Path(options.config or DEFAULT_CONFIG)
    return settings_from(given, os.environ, config, bool(options.config))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    for argument in arguments:
        require_text(argument)
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.dry_run and not options.housekeeping:
        parser.error("--dry-run va con --housekeeping")  # and must not build or upgrade instead
    if options.check and len(options.from_log or ()) > 1:
        parser.error("--check compara con una sola bitácora")
    _require_one_maker(parser, options)
    return options


def _require_one_maker(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what would be left undone: a second way to make the database, a layout for none."""
    makers = [options.from_log, options.from_database, options.rollback]
    if sum(map(bool, makers)) > 1:
        parser.error("--from-log, --from-database y --rollback van por separado")
    if options.layout is None:
        return
    if options.from_database:
        parser.error("--from-database conserva la disposición de la base de origen, sin --layout")
    looks = options.check or options.snapshot or options.housekeeping
    if options.rollback or (looks and not options.from_log):
        parser.error("--layout va con construir o actualizar, o con --from-log")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="createDB.py",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    for row in SETTINGS:
        if row.field in OWN_SETTINGS:
            places = f"en config.ini: [{row.section}] {row.key}; en el entorno: {row.variable}"
            text = f"{row.help} (por omisión: {row.default}; {places})".replace("%", "%%")
            parser.add_argument(row.option, dest=row.field, metavar="VALOR", help=text)
    parser.add_argument("--config", metavar="ARCHIVO", help=f"por omisión: {DEFAULT_CONFIG}")
    parser.add_argument(
        "--layout",
        type=Layout,
        choices=list(Layout),
        help="dónde quedan los procesos y sesiones de cada reporte: en filas propias (completo) o "
        "sólo en los períodos (compacto, para flotas grandes; las mismas consultas dan las mismas "
        "filas); una base completo pasa a compacto sin perder nada, con el colector detenido, y "
        "deja una copia (por omisión: completo si es nueva, el que tenga si ya existe)",
    )
    _add_actions(parser.add_argument_group("en vez de construir o actualizar"))
    return parser


def _add_actions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--from-log",
        metavar="CARPETA",
        type=Path,
        nargs="+",
        help="hace una base de datos nueva con los reportes de la bitácora JSON que hay en CARPETA "
        "o de las de varios colectores, cada reporte una vez (por omisión: no)",
    )
    group.add_argument(
        "--from-database",
        metavar="ARCHIVO",
        help="lleva a PostgreSQL, la de --database, todo lo de la base de SQLite que hay en "
        "ARCHIVO, con el colector detenido, y lo comprueba fila por fila; si se interrumpe, la "
        "misma orden sigue donde quedó (por omisión: no)",
    )
    group.add_argument(
        "--check",
        action="store_true",
        help="compara la base de datos con la bitácora JSON, la de --from-log o si no la de "
        "--storage, y dice en qué difieren; no cambia ninguna de las dos (por omisión: no)",
    )
    group.add_argument(
        "--housekeeping",
        action="store_true",
        help="borra lo que pasó de sus días ([retencion] en config.ini), como lo hace el colector "
        "por sí mismo, y devuelve el espacio al disco (por omisión: no)",
    )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="con --housekeeping: sólo dice cuánto se borraría (por omisión: no)",
    )
    group.add_argument(
        "--snapshot",
        metavar="ARCHIVO",
        type=Path,
        help="escribe una copia de la base de datos, de un solo momento y comprobada, también "
        "mientras está en uso (por omisión: no)",
    )
    group.add_argument(
        "--rollback",
        action="store_true",
        help="vuelve de una versión más nueva, con el colector detenido: pone en el lugar de la "
        "base de datos la copia que se hizo antes de actualizarla, y la deja a un lado "
        "(por omisión: no)",
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End like on Ctrl-C, so that whatever is half done is taken back."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.umask(UMASK)
    sys.exit(main())
