"""PostgreSQL holds what SQLite holds of the same reports, whichever collector stores them."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import md5
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from API.app.ingest.entry import Entry, Stored
from API.app.ingest.postgresql.names import NameTakenError
from API.app.ingest.store import Store
from createDB.engine import database_url, open_engine
from tests.ingest.conftest import BASE, Bench, entry, processes
from tests.ingest.test_history import BOOTLESS, ERRORS, SOON, any_boot, sequences
from tests.postgresql import PostgresServer

FEW = settings(max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])
TABLES = ("procesos", "usuarios_activos", "servers", "reportes", "periodos", "presencias",
          "momentos", "hechos", "arranques", "agentes")  # fmt: skip
HELD = (
    "SELECT id_agente, id_reporte, fecha_hora, recibido, momento, hostname, errores FROM servers",
    (
        "SELECT id_reporte, ip_server, p.fecha_hora, pid, name, username "
        "FROM procesos p JOIN servers USING (id_serv)"
    ),
    (
        "SELECT id_reporte, ip_server, u.fecha_hora, username, pid "
        "FROM usuarios_activos u JOIN servers USING (id_serv)"
    ),
    (
        "SELECT id_agente, campo, nombre, valor, pid, desde, hasta, veces, propio "
        "FROM periodos JOIN hechos USING (id_hecho) JOIN agentes USING (num_agente)"
    ),
    "SELECT id_agente, m.momento FROM momentos m JOIN agentes USING (num_agente)",
    (
        "SELECT id_agente, campo, nombre, valor FROM presencias JOIN hechos USING (id_hecho) "
        "JOIN agentes USING (num_agente)"
    ),
    (
        "SELECT a.id_agente, a.hostname, id_reporte, a.momento, siguiente, primer_reporte, "
        "ultimo_reporte, descartados FROM agentes a JOIN servers USING (id_serv)"
    ),
    "SELECT id_agente, desde, id_arranque FROM arranques JOIN agentes USING (num_agente)",
)
"""All that reports leave, without the numbers of rows."""


class Shared:
    """A database in which several collectors store."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stores = [Store(rows=True) for _ in range(2)]

    def put(self, *entries: Entry, by: int = 0) -> list[Stored]:
        with self.engine.begin() as connection:
            return self.stores[by].store(connection, entries, BASE + timedelta(days=1))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def clear(self) -> None:
        with self.engine.begin() as connection:
            for table in TABLES:
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
        for store in self.stores:
            store.forget()


@pytest.fixture(scope="module")
def shared(postgresql: PostgresServer) -> Iterator[Shared]:
    with postgresql.database("completo") as url:
        engine = open_engine(database_url(url))
        yield Shared(engine)
        engine.dispose()


@FEW
@given(
    entries=sequences(SOON, any_boot, ERRORS | BOOTLESS),
    turns=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1)), min_size=12, max_size=12),
)
def test_it_holds_what_sqlite_holds(
    shared: Shared, shared_bench: Bench, entries: list[Entry], turns: list[tuple[int, int]]
) -> None:
    shared.clear()
    shared_bench.clear()
    left = [*entries, entries[0]]
    for size, collector in turns:
        batch, left = left[:size], left[size:]
        ours, theirs = shared.put(*batch, by=collector), shared_bench.put(*batch)
        assert [found.created for found in ours] == [found.created for found in theirs]
    for query in HELD:
        assert sorted(map(repr, shared.rows(query))) == sorted(
            map(repr, shared_bench.rows(query))
        ), query


def test_texts_come_out_as_they_went_in(shared: Shared) -> None:
    shared.clear()
    names = ["a\tb", "c\\d", "\\N", "e\nf\rg", "", "ñ😀", "%s ? :x", "x" * 4096]
    shared.put(entry(0, 0, 1, procesos=processes(*enumerate(names)), hostname="\\t\n"))
    assert shared.rows("SELECT name FROM procesos ORDER BY pid") == [(name,) for name in names]
    assert shared.rows("SELECT hostname FROM servers") == [("\\t\n",)]
    assert shared.rows("SELECT nombre FROM hechos WHERE campo = 'hostname'") == [("\\t\n",)]


def test_a_number_that_a_report_brings_along_is_not_given_again(shared: Shared) -> None:
    shared.clear()
    [first] = shared.put(entry(0, 0, 1))
    brought = entry(1, 0, 2)._replace(id_serv=first.id_serv + 5)
    [found] = shared.put(brought, by=1)
    assert found.id_serv == first.id_serv + 5
    [after] = shared.put(entry(0, 60, 3))
    assert after.id_serv == first.id_serv + 6
    with pytest.raises(IntegrityError):
        shared.put(entry(2, 0, 4)._replace(id_serv=first.id_serv))
    assert shared.put(brought) == [found._replace(created=False)]


@pytest.mark.parametrize("place", [1, 2])
def test_a_name_is_not_taken_for_another_with_its_md5(shared: Shared, place: int) -> None:
    shared.clear()
    start = "TEXTCOLLBYfGiJUETHQ4h"
    end = "cKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak"
    one, other = (f"{start}{middle}{end}" for middle in "AE")  # by Marc Stevens, 2024
    assert one != other
    assert md5(one.encode()).digest() == md5(other.encode()).digest()  # noqa: S324
    items = [(1, name, "x") if place == 1 else (1, "x", name) for name in (one, other)]
    first, second, third = (
        entry(agent, 0, agent, procesos=processes(item))
        for agent, item in enumerate((items[0], items[1], items[0]))
    )
    shared.put(first)
    for by in range(2):
        with pytest.raises(NameTakenError, match=other):
            shared.put(second, third, by=by)
    shared.put(third, by=1)
    assert shared.rows("SELECT DISTINCT name, username FROM historial_procesos") == [items[0][1:]]
    assert len(shared.rows("SELECT 1 FROM historial_procesos")) == 2
