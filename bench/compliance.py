"""What judging costs: of a report, of a fleet after a change of a policy, and on disk.

`python3 bench/compliance.py` prints a table. Reports have 200 processes of which 8 are new, and
those bear names that policies look for; there are 50 policies: those that come with it, and copies.
With `postgresql://USER@127.0.0.1/postgres` it measures on that server too, in databases that it
drops at the end; its processes' time is told apart.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import URL

from API.app.compliance.court import Court
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.present import judge_new
from API.app.compliance.review import review
from API.app.ingest.entry import entry_from_body
from API.app.ingest.store import Store
from bench.load import bodies, fleet
from createDB.engine import database_url, open_engine
from createDB.tables import create_tables
from createDB.views import Layout

POLICIES = 50
SERVERS = 2_000
FOLLOWED = 300
"""Servers whose later reports are judged, too."""
ROUNDS = 4


def main() -> None:
    """Measure both layouts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", metavar="URL", nargs="?", help="of PostgreSQL on this machine")
    server = parser.parse_args().server
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    print("| | CPU a report | 2,000 servers anew, one policy | of all | `cumplimiento` |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for layout, place in itertools.product(Layout, filter(None, ("SQLite", server))):
        with tempfile.TemporaryDirectory() as folder:
            made = new_database(server, layout) if place == server else in_file(folder, layout)
            with made as url:
                name = "PostgreSQL" if place == server else place
                print(f"| {layout}, {name} | {measure(Path(folder), layout, url)} |", flush=True)


@contextmanager
def in_file(folder: str, layout: Layout) -> Iterator[URL]:
    """Make a database of SQLite."""
    url = database_url(f"{folder}/servers.sqlite")
    _make_tables(url, layout)
    yield url


@contextmanager
def new_database(server: str, layout: Layout) -> Iterator[URL]:
    """Make a database on a server of PostgreSQL, and drop it at the end."""
    url = database_url(server).set(database=f"bench_{uuid.uuid4().hex}")
    outside = open_engine(database_url(server)).execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
        try:
            _make_tables(url, layout)
            yield url
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
    outside.dispose()


def _make_tables(url: URL, layout: Layout) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        create_tables(connection, layout)
    engine.dispose()


def _server_time(connection: Connection) -> float:
    """Tell how much processor time the database's own processes have taken, in seconds."""
    if connection.dialect.name == "sqlite":
        return 0
    ticks = 0
    for pid in connection.exec_driver_sql(_PROCESSES).scalars():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, layout: Layout, url: URL) -> str:
    """Measure one layout."""
    policies = _policies(folder)
    engine = open_engine(url)
    store = Store(rows=layout is Layout.COMPLETO)
    servers = fleet(SERVERS)
    _store(engine.begin, store, bodies(servers, time.time() - 86_400), SERVERS)
    with closing(Court(url, Library([policies]))) as court:
        _drain(court)
        later = bodies(servers[:FOLLOWED], time.time() - 80_000)
        _store(engine.begin, store, later, FOLLOWED * ROUNDS)
        with court.reader.connect() as connection:
            began, of_server = time.process_time(), _server_time(connection)
            _drain(court)
            report = (time.process_time() - began) / (FOLLOWED * ROUNDS)
            of_server = (_server_time(connection) - of_server) / (FOLLOWED * ROUNDS)
        one = _changed(court, policies, ["mineros"])
        every = _changed(court, policies, list(court.library.rules))
        with court.reader.connect() as connection:
            size = connection.exec_driver_sql(_SIZE[connection.dialect.name]).scalar_one()
    engine.dispose()
    spent = f"{report * 1000:.2f} ms" + (f" + {of_server * 1000:.2f} ms" if of_server else "")
    return f"{spent} | {one:.1f} s | {every:.1f} s | {size / 1e6:.1f} MB"


def _policies(folder: Path) -> Path:
    """Write the policies that come with it, and copies of them under other names."""
    made = folder / "politicas"
    made.mkdir()
    rules = Library([SHIPPED]).rules.values()
    copies = (rule for rule in rules if rule.scope.names is not None)
    for number, rule in enumerate(itertools.islice(itertools.chain(rules, copies), POLICIES)):
        policy = msgspec.structs.replace(rule.policy, id=f"{rule.policy.id}-{number}")
        policy = rule.policy if number < len(rules) else policy
        (made / f"{policy.id}.yaml").write_bytes(msgspec.yaml.encode(policy))
    return made


def _store(begin: Callable[[], object], store: Store, reports: object, count: int) -> None:
    now = datetime.utcnow()  # noqa: DTZ003 - UTC without offset, as the database has it
    left = iter(itertools.islice(reports, count))  # type: ignore[call-overload]
    while batch := list(itertools.islice(left, 200)):
        with begin() as connection:  # type: ignore[attr-defined]
            store.store(connection, [entry_from_body(body) for body in batch], now)


def _drain(court: Court) -> None:
    while judge_new(court).reports or review(court):
        pass


def _changed(court: Court, folder: Path, names: list[str]) -> float:
    """Change policies; tell how long it takes until every server was judged anew, in seconds."""
    for name in names:
        with (folder / f"{name}.yaml").open("ab") as file:
            file.write(b"# changed\n")
    court.library.refresh()
    began = time.perf_counter()
    court.synchronize()
    _drain(court)
    return time.perf_counter() - began


_SIZE = {
    "sqlite": "SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%cumplimiento%'",
    "postgresql": "SELECT pg_total_relation_size('cumplimiento')",
}
_PROCESSES = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"


if __name__ == "__main__":
    main()
