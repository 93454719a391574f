"""`init_app.py policies`: checks policies, tries them on the fleet, runs their examples."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy.exc import DBAPIError

from API.app.compliance.examples import Failure, failures
from API.app.compliance.guards import open_guard
from API.app.compliance.judging import Outcome, Verdict, judge
from API.app.compliance.library import OTHER_WORDS, SHIPPED, Library, Problem, Rule, load
from API.app.compliance.subjects import Subject, fleet_at
from API.app.ingest.sql import sql_time, to_ms
from API.app.settings import Settings, SettingsError
from createDB.engine import is_postgresql, name_of, open_engine, unusable
from createDB.state import ready
from createDB.words import counted

ROWS_SHOWN = 5
"""Rows of evidence of one server that `try` prints."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACCIÓN")
    check = actions.add_parser("check", help="dice qué archivos no valen, en qué línea y por qué")
    test = actions.add_parser("test", help="corre los ejemplos que traen las políticas")
    for action in (check, test):
        action.add_argument("files", nargs="*", type=Path, metavar="ARCHIVO",
                            help="por omisión, todas las políticas")  # fmt: skip
    attempt = actions.add_parser("try", help="dice qué diría una política, sin ponerla en vigor")
    attempt.add_argument("file", type=Path, metavar="ARCHIVO")
    attempt.add_argument("--server", metavar="X", help="sólo de este servidor: id_agente o nombre")
    attempt.add_argument("--at", metavar="MOMENTO", type=_moment,
                         help="entonces (2026-11-20T10:00:00Z); por omisión, ahora")  # fmt: skip


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked; 1 where something is wrong with a policy."""
    if options.action == "try":
        return _try(settings, options)
    rules, problems = _policies(settings, options.files)
    for problem in problems:
        print(problem)
    if options.action == "test":
        return max(_test(settings, rules), bool(problems))
    refused = list(_refused(settings, rules))
    for line in refused:
        print(line)
    good, bad = len(rules) - len(refused), len(problems) + len(refused)
    print(f"Políticas que valen: {good}; archivos que no: {bad}.")
    return int(bad > 0)


def _refused(settings: Settings, rules: Sequence[Rule]) -> Iterator[str]:
    """Say which queries PostgreSQL would not run, where that is the database."""
    if not is_postgresql(settings.database):
        for rule in rules:
            if rule.policy.consulta_postgresql:
                print(f"{rule.policy.id}: {OTHER_WORDS}: sin probar, la base de datos es SQLite")
        return
    from API.app.compliance.postgresql.checking import refused  # psycopg, which SQLite needs not

    try:
        yield from refused(settings.database, rules)
    except DBAPIError as error:
        raise unusable(error, name_of(settings.database)) from None


def folders(settings: Settings) -> list[Path]:
    """Give the folders of policies, the operator's own last."""
    return [SHIPPED, *([settings.policies] if settings.policies else [])]


def _policies(
    settings: Settings, files: Sequence[Path]
) -> tuple[Sequence[Rule], Sequence[Problem]]:
    if not files:
        library = Library(folders(settings))
        return list(library.rules.values()), library.problems
    found = [load(path) for path in files]
    rules = [rule for rule in found if isinstance(rule, Rule)]
    return rules, [problem for problem in found if isinstance(problem, Problem)]


def _test(settings: Settings, rules: Sequence[Rule]) -> int:
    examples = sum(len(r.policy.ejemplos.cumple) + len(r.policy.ejemplos.no_cumple) for r in rules)
    failed = 0
    for rule, failure in _failures(settings, rules):
        failed += 1
        print(f"{rule.policy.id}: {_failure(failure)}")
    print(f"Políticas: {len(rules)}; ejemplos: {examples}, cada uno en los dos diseños; "
          f"fallan: {failed}.")  # fmt: skip
    return int(failed > 0)


def _failures(settings: Settings, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Failure]]:
    """Run the examples, on PostgreSQL too where that is the database and runs the query itself."""
    for rule in rules:
        for failure in failures(rule):
            yield rule, failure
    if is_postgresql(settings.database):
        from API.app.compliance.postgresql.checking import failures_there

        try:
            yield from failures_there(settings.database, rules)
        except DBAPIError as error:
            raise unusable(error, name_of(settings.database)) from None


def _failure(failure: Failure) -> str:
    where = f"el ejemplo {failure.number} de {failure.expected}, en el diseño {failure.place}"
    if failure.outcome is None:
        return f"{where}: {failure.reason}"
    said = ": ".join(filter(None, failure.outcome))
    return f"{where}, dice {said}"


def _try(settings: Settings, options: argparse.Namespace) -> int:
    rule = load(options.file)
    if isinstance(rule, Problem):
        print(rule)
        return 1
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        at = options.at or datetime.now(UTC).replace(tzinfo=None)
        with engine.connect() as connection:
            subjects = list(fleet_at(connection, to_ms(at), options.server))
    finally:
        engine.dispose()
    if options.server and not subjects:
        raise SettingsError(f"no hay reportes de '{options.server}' hasta ese momento")
    counts: Counter[Verdict] = Counter()
    guard = open_guard(settings.database)
    for subject in subjects:
        outcome = judge(guard, rule, subject, sql_time(at))
        counts[outcome.veredicto] += 1
        if options.server or outcome.veredicto in (Verdict.NO_CUMPLE, Verdict.SIN_DATOS):
            _show(subject, outcome)
    guard.close()
    print("; ".join(f"{verdict}: {counts[verdict]}" for verdict in Verdict))
    return 0


def _show(subject: Subject, outcome: Outcome) -> None:
    name = subject.value("hostname") or subject.value("ipaddress")
    print(_clean(f"{name} ({subject.id_agente}), reporte {subject.id_serv}: {outcome.veredicto}"))
    if outcome.razon:
        print(_clean(f"    {outcome.razon}"))
    rows = msgspec.json.decode(outcome.evidencia) if outcome.evidencia else []
    for row in rows[:ROWS_SHOWN]:
        print(_clean("    " + "  ".join(f"{key}={value}" for key, value in row.items())))
    if len(rows) > ROWS_SHOWN:
        print(f"    y {counted(len(rows) - ROWS_SHOWN, 'fila', 'filas')} más")


def _clean(text: str) -> str:
    """Escape what would make a line of its own, or steer the terminal."""
    return repr(text)[1:-1]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' no es un momento") from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
