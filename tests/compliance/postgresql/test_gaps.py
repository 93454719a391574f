"""Numbers of reports that are missing are waited for as long as they may still come."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from API.app.compliance.postgresql.gaps import Gaps
from createDB.engine import database_url, open_engine

STORE = """
    WITH stored AS (INSERT INTO reportes (num_agente, id_reporte, recibido)
        VALUES (1, gen_random_uuid()::text, now()) RETURNING id_serv)
    INSERT INTO servers (id_serv, num_agente, recibido) SELECT id_serv, 1, now() FROM stored
    RETURNING id_serv
"""
NUMBERS = "SELECT id_serv FROM servers WHERE id_serv > ? ORDER BY id_serv"


class Judge:
    """Reads numbers as who judges does."""

    def __init__(self, url: str) -> None:
        self.reader: Engine = open_engine(database_url(url), read_only=True)
        self.gaps = Gaps()
        self.judged: list[int] = []

    def step(self) -> list[int]:
        """Judge what is ready; give all that was judged."""
        self.gaps.look(self.reader)
        if not self.more():
            return self.judged
        place = self.judged[-1] if self.judged else 0
        with self.reader.connect() as connection:
            found = connection.exec_driver_sql(NUMBERS, (place,)).scalars().all()
            if not found:
                self.gaps.nothing()
            self.judged += found[: self.gaps.ready(connection, place, found)]
        return self.judged

    def more(self) -> bool:
        """Tell whether it is worth to ask for reports."""
        return self.gaps.more(self.reader, self.judged[-1] if self.judged else 0)


class Collectors:
    """Whoever stores reports in one database."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url, self._stack = url, stack

    def new(self) -> psycopg.Connection[Any]:
        return self._stack.enter_context(psycopg.connect(self._url))


def store(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(STORE).fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def judge(url: str) -> Iterator[Judge]:
    judge = Judge(url)
    yield judge
    judge.reader.dispose()


@pytest.fixture
def collectors(url: str) -> Iterator[Collectors]:
    with ExitStack() as stack:
        yield Collectors(url, stack)


def test_a_number_that_may_still_come_is_waited_for(judge: Judge, collectors: Collectors) -> None:
    slow, quick = collectors.new(), collectors.new()
    first = store(slow)
    second = store(quick)
    quick.commit()
    assert judge.step() == judge.step() == []
    slow.commit()
    assert judge.step() == [first, second]


def test_a_number_that_was_rolled_back_is_passed_over(judge: Judge, collectors: Collectors) -> None:
    slow, quick = collectors.new(), collectors.new()
    first = store(quick)
    quick.commit()
    store(slow)
    third = store(quick)
    quick.commit()
    assert judge.step() == judge.step() == [first]
    slow.rollback()
    assert judge.step() == [first, third]


def test_who_begins_later_is_not_waited_for(judge: Judge, collectors: Collectors) -> None:
    slow, quick, other = collectors.new(), collectors.new(), collectors.new()
    first = store(slow)
    second = store(quick)
    quick.commit()
    assert judge.step() == []
    late = store(other)
    slow.commit()
    assert judge.step() == [first, second]
    last = store(quick)
    quick.commit()
    assert judge.step() == [first, second]
    other.commit()
    assert judge.step() == [first, second, late, last]


def test_who_stores_nothing_is_not_waited_for(judge: Judge, collectors: Collectors) -> None:
    gone, quick, other = collectors.new(), collectors.new(), collectors.new()
    store(gone)
    second = store(quick)
    quick.commit()
    other.execute("INSERT INTO avance VALUES ('otra', 1)")
    other.execute("SELECT count(*) FROM reportes")
    gone.close()
    assert judge.step() == []
    assert judge.step() == [second]


def test_many_gaps_are_waited_for_at_once(judge: Judge, collectors: Collectors) -> None:
    quick = collectors.new()
    stored = []
    for _ in range(20):
        store(quick)
        quick.rollback()
        stored.append(store(quick))
        quick.commit()
    assert judge.step() == []
    assert judge.step() == stored


def test_who_has_nothing_to_judge_asks_little(judge: Judge, collectors: Collectors) -> None:
    """The reports themselves are asked for when a number was taken, and as long as it may come."""

    slow, quick = collectors.new(), collectors.new()
    assert judge.step() == []
    assert judge.more()  # nothing was ever judged
    first = store(quick)
    quick.commit()
    assert judge.step() == [first]
    assert not judge.more()
    store(slow)
    assert judge.step() == judge.step() == [first]
    assert judge.more()  # who took it may still store it
    slow.rollback()
    assert judge.step() == [first]
    assert not judge.more()
    later = store(quick)
    quick.commit()
    assert judge.step() == judge.step() == [first, later]
