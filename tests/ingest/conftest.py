"""A database without a collector around it, filled by the code that the collector uses."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from API.app.ingest.entry import Entry, Stored, entry_from_body
from API.app.ingest.store import Store
from createDB.engine import database_url, open_engine
from createDB.tables import create_tables
from createDB.views import COMPACT, Layout, select_of
from tests.postgresql import PostgresServer

BASE = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - UTC
AGENTS = tuple(f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))


class Bench:
    """A database of the layout `completo`, with the views of `compacto` beside its tables."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.store = Store(rows=True)
        create_tables(connection, Layout.COMPLETO)
        for view in COMPACT:
            columns, select = ", ".join(view.columns), select_of(view, "sqlite")
            connection.exec_driver_sql(f"CREATE VIEW compact_{view.name} ({columns}) AS {select}")

    def put(self, *entries: Entry) -> list[Stored]:
        return self.store.store(self.connection, entries, BASE + timedelta(days=1))

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.exec_driver_sql(query, arguments)]

    def clear(self) -> None:
        """Empty every table that reports fill."""
        for table in ("procesos", "usuarios_activos", "periodos", "presencias", "momentos",
                      "hechos", "servers", "arranques", "agentes"):  # fmt: skip
            self.connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
        self.store.forget()


def entry(agent: int, seconds: float, number: int, **fields: Any) -> Entry:
    """Make the report of an agent at so many seconds after BASE."""
    moment = BASE + timedelta(seconds=seconds)
    report = {
        "arquitectura_proc": "X86_64",
        "marca_proc": "CPU",
        "nombre_so": "Linux",
        "version_so": "1",
        "ipaddress": "10.0.0.1",
        "fecha_hora": moment.isoformat() + "Z",
        "procesos": [],
        "usuarios_activos": [],
        "id_agente": AGENTS[agent],
        "id_reporte": f"00000000-0000-7000-8000-{number:012}",
        **fields,
    }
    return entry_from_body(msgspec.json.encode(report))


def processes(*items: Sequence[Any]) -> list[dict[str, Any]]:
    """Make processes of (pid, name) or (pid, name, user)."""
    return [
        {"pid": item[0], "name": item[1], "username": item[2] if len(item) > 2 else "root"}
        for item in items
    ]


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from make_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield from make_bench(tmp_path)


def make_bench(folder: Path) -> Iterator[Bench]:
    engine = open_engine(database_url(str(folder / "servers.sqlite")))
    with closing(engine.connect()) as connection:
        yield Bench(connection)
    engine.dispose()


@pytest.fixture
def url(postgresql: PostgresServer) -> Iterator[str]:
    """Make a database of PostgreSQL, and give its URL."""
    with postgresql.database("completo") as made:
        yield made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Connect to it."""
    engine = open_engine(database_url(url))
    yield engine
    engine.dispose()
