"""Two collectors with one PostgreSQL: what they store beside one, and that a kill loses nothing.

`python3 bench/collectors.py postgresql://USER@HOST/postgres` makes databases on that server, which
it drops at the end. It measures how many reports a second one collector stores, and two. With
`--kill` it lets a fleet report to two, kills one after a third of the time and starts it again
after another third; at the end every report must be there once, or it ends with 1.
"""

import argparse
import hashlib
import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "agente"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
import psycopg
from sqlalchemy.engine import URL

from bench.herd import Herd
from bench.ingest import CLIENTS, checked
from bench.lines import Lines
from bench.load import Result, bodies, fleet, post_all
from bench.postgresql import new_database
from bench.servers import Plan, Servers
from bench.serving import free_port, running_collector
from createDB.engine import database_url

DRAIN_S = 120.0
"""How long what waits at the end may take to be delivered, and judging may stand still."""

_ENROL = "INSERT INTO agentes (id_agente) SELECT unnest(%s::text[]) RETURNING num_agente"
_TOKENS = """
    INSERT INTO credenciales (hash, num_agente, desde)
    SELECT hash, num_agente, '2026-01-01' FROM unnest(%s::text[], %s::text[]) AS t (id, hash)
    JOIN agentes ON id_agente = id
"""
_STORED = "SELECT id_agente, id_reporte, id_serv FROM servers"
_UNJUDGED = """
    SELECT count(*) FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""


def main() -> int:
    """Do what the command line asks for, and print what came of it."""
    options = _options()
    server = database_url(options.server)
    if options.kill:
        plan = Plan(options.servers, interval=options.interval)
        return 0 if killing(server, plan, 60 * options.minutes) else 1
    print("| collectors | reports/s | against one | p99 | of the machine, busy |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for _ in range(options.rounds):
        one, two = (rate(server, options.servers, options.reports, count) for count in (1, 2))
        print(one.line(1, one), two.line(2, one), sep="\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("server", metavar="URL", help="of a server, as one who may make databases")
    add("--servers", type=int, default=500, help="of the fleet")
    add("--reports", type=int, default=6_000, help="measured, of each kind")
    add("--rounds", type=int, default=1, help="how often all is measured")
    add("--kill", action="store_true", help="kill one of two while a fleet reports")
    add("--interval", type=float, default=20.0, metavar="S", help="between two of its reports")
    add("--minutes", type=float, default=2.0, metavar="M", help="that it reports")
    return parser.parse_args()


class Rate(NamedTuple):
    """What some collectors stored."""

    rate: float
    """Reports a second."""
    p99: float
    """Of an answer, in seconds."""
    busy: float
    """Share of the machine's processors that worked meanwhile, the clients and PostgreSQL too."""

    def line(self, count: int, one: "Rate") -> str:
        """Write it as a line of a table."""
        against = f"{self.rate / one.rate:.2f} | {1_000 * self.p99:.0f} ms | {self.busy:.0%}"
        return f"| {count} | {self.rate:,.0f} | {against} |"


def rate(server: URL, servers: int, reports: int, count: int) -> Rate:
    """Measure so many collectors, by HTTP, with two clients; each server's first report is not."""
    load = bodies(fleet(servers), time.time() - 86_400)
    first = list(itertools.islice(load, servers))
    rest = list(itertools.islice(load, reports))
    with new_database(server, "completo") as database, ExitStack() as ending:
        folders = [ending.enter_context(tempfile.TemporaryDirectory()) for _ in range(count)]
        ports = [
            ending.enter_context(running_collector(Path(folder), _text(database)))
            for folder in folders
        ]
        checked(post_all(ports[0], first, CLIENTS))
        psutil.cpu_percent()  # the next call tells how busy it was since this one
        began = time.perf_counter()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            halves = [(ports[half % count], rest[half::2]) for half in range(2)]
            results = pool.starmap(_post, halves)
        seconds, busy = time.perf_counter() - began, psutil.cpu_percent() / 100
    return Rate(reports / seconds, max(result.percentile(0.99) for result in results), busy)


def _post(port: int, reports: list[bytes]) -> Result:
    return checked(post_all(port, reports, CLIENTS // 2))


def killing(server: URL, plan: Plan, seconds: float) -> bool:
    """Let a fleet report to two collectors of which one is killed; tell whether all is there."""
    servers = Servers(plan, time.time(), seconds + DRAIN_S)
    herd = Herd(servers)
    with new_database(server, plan.layout) as database, ExitStack() as ending:
        _enrol(database, servers)
        folders = [Path(ending.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        ports = [free_port() for _ in folders]

        def start(which: int) -> ExitStack:
            running = running_collector(folders[which], _text(database), port=ports[which])
            stack = ExitStack()
            stack.enter_context(running)
            return stack

        first = start(0)
        ending.enter_context(start(1))
        servers.start = time.time()
        lines = Lines(herd, ports, _show)
        lines.run(seconds / 3)
        kill(folders[0])
        first.close()
        lines.run(2 * seconds / 3)
        ending.enter_context(start(0))
        lines.run(seconds)
        herd.end_silence(lines.now())
        lines.run(lines.now() + DRAIN_S, gathering=False)
        lines.close()
        return _found(database, herd, lines)


def _show(lines: Lines, at: float) -> None:
    print(f"{at:6.0f} s  {len(lines.latencies):9,} taken", end="\r", file=sys.stderr)


def kill(storage: Path) -> None:
    """End a collector at once, with all its processes."""
    writer = int((storage / ".lock").read_text())
    os.killpg(os.getpgid(writer), signal.SIGKILL)


def _enrol(database: URL, servers: Servers) -> None:
    """Let each report with a token; for a measurement, its identity will do as its own."""
    names = [servers.identity(number) for number in range(servers.plan.servers)]
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    with psycopg.connect(_text(database)) as connection:
        connection.execute(_ENROL, (names,))
        connection.execute(_TOKENS, (names, hashes))


def _found(database: URL, herd: Herd, lines: Lines) -> bool:
    """Compare what is in the database with what was taken, and print it."""
    with psycopg.connect(_text(database), autocommit=True) as connection:
        rows = connection.execute(_STORED).fetchall()
        unjudged = _when_judged(connection)
    stored = [(agent, report) for agent, report, _ in rows]
    taken = set(herd.delivered())
    told = set(herd.numbers)
    wrong = {
        "not delivered": herd.waiting,
        "lost": len(taken - set(stored)),
        "twice": len(stored) - len(set(stored)),
        "nobody's": len(set(stored) - taken),
        "numbers that are wrong": len(told - {number for *_, number in rows}),
        "not judged": unjudged,
    }
    print(f"\n{len(taken):,} reports; " + "; ".join(f"{k}: {v:,}" for k, v in wrong.items()))
    statuses = sorted(herd.statuses.items())
    print("answers: " + "; ".join(f"{status}: {count:,}" for status, count in statuses))
    ordered = sorted(lines.latencies)
    print(f"p50 {ordered[len(ordered) // 2]:.3f} s, p99 {ordered[len(ordered) * 99 // 100]:.3f} s")
    return not any(wrong.values())


def _when_judged(connection: psycopg.Connection[tuple[int]]) -> int:
    """Wait until all is judged, as long as judging goes on; give how many reports are not."""
    left, end = sys.maxsize, 0.0
    while True:
        row = connection.execute(_UNJUDGED).fetchone()
        before, left = left, row[0] if row else 0
        if left < before:
            end = time.monotonic() + DRAIN_S
        if not left or time.monotonic() > end:
            return left
        time.sleep(1)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
