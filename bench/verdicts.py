"""What a month of verdicts takes: on disk, to ask for scores, and to make an audit report of.

    python3 bench/verdicts.py [--servers 2000] [--policies 50] [--days 30] [--changes 0.01]

Writes the verdicts straight into the tables, as judging would have left them, with the given part
of them changing each day, and a report of each server every hour.
"""

import argparse
import itertools
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
from sqlalchemy import Connection
from tqdm import tqdm

from API.app.auditing.audit import Audit
from API.app.auditing.files import Format, write
from API.app.auditing.model import Scope
from API.app.auditing.stamp import Stamp
from API.app.ingest.sql import insert_statement
from API.app.queries.cumplimiento import NOW, VerdictFilters, policies, score
from API.app.queries.puntajes import scores
from API.app.queries.times import now_ms
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.schema import OPEN, cumplimiento
from createDB.views import Layout

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
FAILING = 0.05
"""Of the verdicts, at any time."""
EXCEPTIONS = 500
RUNS = 15


def main() -> None:
    """Make the database, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=2_000)
    parser.add_argument("--policies", type=int, default=50)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--changes", type=float, default=0.01, help="of all verdicts, each day")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "servers.sqlite"
        scope = _fill(path, options)
        with closing(sqlite3.connect(path)) as database:
            rows, size = database.execute(_SIZE).fetchone()
        print(f"cumplimiento: {rows} rows, {size / 1e6:.1f} MB")
        engine = open_engine(database_url(str(path)), read_only=True)
        with engine.connect() as connection:
            _ask(connection)
            for form in Format:
                _report(connection, scope, form, Path(folder))
        engine.dispose()


def _report(connection: Connection, scope: Scope, form: Format, folder: Path) -> None:
    began = time.process_time()
    with Audit(connection, scope) as audit:
        made = time.process_time()
        write(audit, Stamp.of(audit, scope.hasta), form, folder / f"report.{form}")
    size = (folder / f"report.{form}").stat().st_size / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(f"report as {form}: data {made - began:.1f} s, file {time.process_time() - made:.1f} s, "
          f"{size:.1f} MB; at most {most:.0f} MiB of memory so far")  # fmt: skip


def _ask(connection: Connection) -> None:
    """Ask what the API asks, as often as `RUNS`, and print the medians."""
    past = now_ms() - 10 * DAY_MS
    questions: dict[str, Callable[[], Any]] = {
        "score of the fleet": lambda: score(connection, NOW, VerdictFilters()),
        "score of the fleet ten days ago": lambda: score(connection, past, VerdictFilters()),
        "scores of servers": lambda: scores(connection, NOW, "servidor", VerdictFilters()),
        "scores of labels": lambda: scores(connection, NOW, "etiqueta", VerdictFilters()),
        "policies": lambda: policies(connection),
    }
    for name, ask in questions.items():
        taken = []
        for _ in range(RUNS):
            began = time.process_time()
            ask()
            taken.append(time.process_time() - began)
        print(f"{name}: {sorted(taken)[RUNS // 2] * 1_000:.0f} ms")


def _fill(path: Path, options: argparse.Namespace) -> Scope:
    url = database_url(str(path))
    build(url, Layout.COMPACTO)
    end = now_ms()
    scope = Scope(desde=end - options.days * DAY_MS, hasta=end)
    chance = random.Random(1)  # noqa: S311 - a history, no secret
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        document = msgspec.json.encode({"requiere": ["procesos"]}).decode()
        for number in range(1, options.policies + 1):
            database.execute(_POLICY, (number, f"policy-{number}", document))
        for number in tqdm(range(1, options.servers + 1), desc="servers", disable=None):
            _server(database, number, scope, chance)
            _reports(database, number, scope)
        pairs = itertools.product(range(1, options.servers + 1), range(1, options.policies + 1))
        rows = [row for pair in pairs for row in verdicts_of(*pair, scope, options.changes, chance)]
        # In the order in which they came: their pages are as full as a collector's.
        database.executemany(insert_statement(cumplimiento), sorted(rows, key=itemgetter(2)))
        for number in range(EXCEPTIONS):
            server = number % options.servers + 1 if number % 5 else None
            label = None if server else "grupo"
            value = None if server else f"g{number % 20}"
            database.execute(_EXCEPTION, (number % options.policies + 1, server, label, value,
                                          scope.desde, end + DAY_MS))  # fmt: skip
        database.execute("COMMIT")
    return scope


def _server(database: sqlite3.Connection, number: int, scope: Scope, chance: random.Random) -> None:
    labels = msgspec.json.encode({"grupo": f"g{number % 20}", "entorno": "produccion"}).decode()
    identity = f"{chance.getrandbits(32):08x}-0000-4000-8000-{number:012}"
    first = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(scope.desde / 1_000))
    database.execute(_AGENT, (number, identity, f"web-{number:05}", number, labels, first))


def _reports(database: sqlite3.Connection, number: int, scope: Scope) -> None:
    moments = range(scope.desde, scope.hasta, HOUR_MS)
    database.executemany(_REPORT, ((moment, number) for moment in moments))


def verdicts_of(
    server: int, policy: int, scope: Scope, changes: float, chance: random.Random
) -> Iterator[tuple[Any, ...]]:
    """Give the periods of a policy and a server, in the order of the columns."""
    fails = chance.random() < FAILING
    begin = scope.desde
    while begin < scope.hasta:
        # What fails is mended sooner than it comes: so a few fail at a time, and all changes
        # together are as many as were asked for.
        rate = changes / (2 * (FAILING if fails else 1 - FAILING))
        end = begin + 1 + int(chance.expovariate(rate) * DAY_MS)
        verdict = "no_cumple" if fails else "cumple"
        evidence = _evidence(chance) if fails else None
        yield (server, policy, begin, end if end < scope.hasta else OPEN, verdict, evidence,
               None, None)  # fmt: skip
        begin, fails = end, not fails


def _evidence(chance: random.Random) -> str:
    rows = [{"pid": chance.randrange(99_999), "name": "in.telnetd", "username": "root"}
            for _ in range(chance.randint(1, 4))]  # fmt: skip
    return msgspec.json.encode(rows).decode()


_POLICY = """
    INSERT INTO politicas (num_politica, id_politica, titulo, severidad, huella, documento, vigente)
    VALUES (?, ?, 'Una', 'alta', '', ?, 1)
"""
_AGENT = """
    INSERT INTO agentes (num_agente, id_agente, hostname, id_serv, etiquetas, primer_reporte,
        intervalo) VALUES (?, ?, ?, ?, ?, ?, 3600)
"""
_REPORT = "INSERT INTO servers (momento, num_agente) VALUES (?, ?)"
_EXCEPTION = """
    INSERT INTO excepciones (num_politica, num_agente, etiqueta, valor, motivo, quien, desde, hasta)
    VALUES (?, ?, ?, ?, 'Es un laboratorio', 'ana', ?, ?)
"""
_SIZE = """
    SELECT (SELECT count(*) FROM cumplimiento), sum(pgsize) FROM dbstat
    WHERE name LIKE '%cumplimiento%'
"""


if __name__ == "__main__":
    main()
