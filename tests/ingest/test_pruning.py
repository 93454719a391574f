"""What nobody has any more goes from PostgreSQL, while collectors store reports that name it."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from API.app.ingest.entry import Stored
from API.app.pruning import prune
from createDB.schema import OPEN
from tests.ingest.conftest import entry, processes
from tests.ingest.test_housekeeping import DANGLING, UNMARKED
from tests.ingest.test_several import Collector, rows

ORPHANS = """
    SELECT id_hecho, num_agente FROM presencias EXCEPT SELECT id_hecho, num_agente FROM periodos
"""
NOBODYS = "SELECT nombre FROM hechos WHERE id_hecho NOT IN (SELECT id_hecho FROM presencias)"
STRAY = """
    SELECT momento, num_agente FROM momentos EXCEPT (
        SELECT desde, num_agente FROM periodos UNION SELECT hasta, num_agente FROM periodos)
"""
ALONE = "SELECT 1 FROM agentes ORDER BY num_agente FOR NO KEY UPDATE"
TAKE_OUT = f"""
    CREATE TABLE periodos_tomados AS SELECT * FROM periodos WHERE hasta < {OPEN};
    DELETE FROM periodos p USING periodos_tomados g WHERE p.num_agente = g.num_agente
    AND p.hasta = g.hasta AND p.id_hecho = g.id_hecho AND p.pid = g.pid
"""  # noqa: S608 - text of our own
NAMED = f"""
    SELECT nombre FROM periodos JOIN hechos USING (id_hecho) JOIN agentes USING (num_agente)
    WHERE campo = 'procesos' AND hasta = {OPEN} AND id_agente = '{{}}'
"""  # noqa: S608


@pytest.fixture
def collectors(tmp_path: Path, url: str) -> Iterator[list[Collector]]:
    made = [Collector(tmp_path, name, url) for name in ("one", "two")]
    yield made
    for collector in made:
        collector.journal.close()
        collector.engine.dispose()


def forget_what_ended(engine: Engine) -> int:
    """Take what ended out of its table, as a month goes; gives how many names servers lost."""
    with engine.begin() as connection:
        connection.exec_driver_sql(ALONE)
        connection.exec_driver_sql(TAKE_OUT)
    lost = 0
    for server in range(1, 4):
        with engine.begin() as connection:
            lost += prune(connection, "periodos_tomados", server, server)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE periodos_tomados")
    return lost


def store(collector: Collector, agent: int, second: int, *names: str) -> None:
    running = processes(*enumerate(names, start=1))
    [told] = collector.write(entry(agent, second, 1_000 * agent + second, procesos=running))
    assert isinstance(told, Stored), told


def test_names_and_moments_go_with_the_last_period(
    collectors: list[Collector], engine: Engine
) -> None:
    one, two = collectors
    store(one, 0, 0, "always", "ends")
    store(two, 1, 0, "always", "ends", "theirs")
    store(one, 0, 60, "always")
    assert forget_what_ended(engine) == 1
    assert rows(engine, "SELECT count(*) FROM hechos WHERE nombre = 'ends'") == [(1,)], "in use"
    store(two, 1, 60, "always")
    assert forget_what_ended(engine) == 2
    assert rows(engine, "SELECT nombre FROM hechos WHERE campo = 'procesos'") == [("always",)]
    for query in (ORPHANS, NOBODYS, DANGLING, UNMARKED, STRAY):
        assert rows(engine, query) == []
    store(one, 0, 120, "always", "theirs", "ends")
    store(two, 1, 120, "always", "ends")
    assert sorted(rows(engine, NAMED.format("00000000-0000-4000-8000-000000000000"))) == [
        ("always",), ("ends",), ("theirs",),
    ]  # fmt: skip
    assert rows(engine, DANGLING) == []


def test_names_come_and_go_while_they_are_pruned(
    collectors: list[Collector], engine: Engine
) -> None:
    """Both collectors store reports of the same servers, and remember names that are gone."""
    chance, done = random.Random(7), threading.Event()
    orders = [
        [(agent, 2 * second + place, chance.sample("abcdefgh", 3))
         for second in range(60) for agent in range(3)]
        for place in range(2)
    ]  # fmt: skip
    last: dict[int, tuple[int, list[str]]] = {}

    def deliver(place: int) -> None:
        for agent, second, names in orders[place]:
            store(collectors[place], agent, second, *names)

    def keep_pruning() -> int:
        lost = 0
        while not done.is_set():
            lost += forget_what_ended(engine)
        return lost

    with ThreadPoolExecutor(3) as pool:
        pruning = pool.submit(keep_pruning)
        try:
            for delivered in [pool.submit(deliver, place) for place in range(2)]:
                delivered.result()
        finally:
            done.set()
        assert pruning.result() > 20
    assert len(rows(engine, "SELECT 1 FROM servers")) == 360
    for order in orders:
        last |= {agent: max(last.get(agent, (0, [])), (second, names))
                 for agent, second, names in order}  # fmt: skip
    for agent, (_, names) in last.items():
        found = rows(engine, NAMED.format(f"00000000-0000-4000-8000-00000000000{agent}"))
        assert sorted(found) == sorted((name,) for name in names)
    assert rows(engine, DANGLING) == rows(engine, UNMARKED) == []
