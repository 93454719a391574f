"""What is asked of PostgreSQL for several reports at a time says what it says for each."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from API.app.compliance.guard import QueryError
from API.app.compliance.postgresql.guard import SMALL, TOGETHER, PostgresGuard
from createDB.engine import database_url
from tests.postgresql import PostgresServer

REPORTS = [(number, f"2026-11-20 10:00:00.{number:06}") for number in range(1, TOGETHER + 9)]

STOPPED = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'query_canceled'; END $$"
"""Stands for what takes too long."""


@pytest.fixture(scope="module")
def url(postgresql: PostgresServer) -> Iterator[str]:
    with postgresql.database("completo") as url:
        with postgresql.connect(url.rpartition("/")[2]) as connection:
            connection.execute("INSERT INTO agentes (num_agente, id_agente) VALUES (1, 'a')")
            connection.execute(
                "INSERT INTO servers (id_serv, num_agente, recibido, momento, nucleo) "
                "SELECT n, 1, '2026-11-20 10:00', n, repeat('x', n * 200) "
                "FROM generate_series(1, %s) n",
                [len(REPORTS)],
            )
        yield url


@contextmanager
def asked() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def said(guard: PostgresGuard, query: str, id_serv: int, en: str) -> Any:
    try:
        return guard.run(query, id_serv, en)
    except QueryError as error:
        return str(error)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("SELECT s.id_serv AS n, :en AS en FROM servers s WHERE id_serv = :id_serv",
                     id="values"),
        pytest.param("SELECT o.id_serv FROM servers s JOIN servers o USING (num_agente) "
                     "WHERE s.id_serv = :id_serv AND o.momento <= s.momento "
                     "ORDER BY o.momento % 7 DESC, o.id_serv", id="order"),
        pytest.param("WITH u AS (SELECT o.momento FROM servers s JOIN servers o USING (num_agente) "
                     "WHERE s.id_serv = :id_serv AND o.momento <= s.momento "
                     "ORDER BY o.momento DESC LIMIT 5) "
                     "SELECT max(momento) AS m FROM u HAVING count(*) > 3", id="aggregate"),
        pytest.param("SELECT 1 % (:id_serv - 7) AS r", id="fails for one"),
        pytest.param("SELECT nucleo FROM servers WHERE id_serv = :id_serv", id="large rows"),
        pytest.param("SELECT '%' AS p, ':en' AS e WHERE :id_serv > 1", id="quotes"),
        pytest.param("SELECT id_serv AS reportes_que_se_juzgan FROM servers "
                     "WHERE id_serv = :id_serv", id="name"),
    ],
)  # fmt: skip
def test_asked_together_a_query_says_the_same(url: str, query: str) -> None:
    with closing(PostgresGuard.open(database_url(url))) as guard:
        expected = [said(guard, query, *report) for report in REPORTS]
        with guard.snapshot():
            guard.ahead((query, None, None), REPORTS)
            assert [said(guard, query, *report) for report in REPORTS] == expected
    assert any(found.rows for found in expected if not isinstance(found, str))


def test_few_questions_are_asked(url: str) -> None:
    query = "SELECT id_serv, :en AS en FROM servers WHERE id_serv = :id_serv"
    with closing(PostgresGuard.open(database_url(url))) as guard:
        guard.run(query, 1, "")  # looks at it
        with asked() as statements, guard.snapshot():
            guard.ahead((query, None, None), REPORTS)
            rows = [guard.run(query, *report).rows for report in REPORTS]
    assert rows == [[{"id_serv": number, "en": en}] for number, en in REPORTS]
    assert len(statements) == 2
    assert len(REPORTS) * 200 > SMALL


def test_what_takes_too_long_is_asked_for_fewer_until_it_is_quick_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT id_serv, :en AS en FROM servers WHERE id_serv = :id_serv"
    fits, sizes = 40, list[int]()

    def run(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> Any:
        if "unnest" not in statement:
            return statement, values
        sizes.append(len(values["id_serv"]))
        return (STOPPED if sizes[-1] > fits else statement), values

    def asked_for() -> list[int]:
        """Tell for how many reports it is asked each time, and check what it says."""
        sizes.clear()
        with guard.snapshot():
            guard.ahead((query, None, None), REPORTS)
            assert [guard.run(query, *report) for report in REPORTS] == expected
        return sizes

    with closing(PostgresGuard.open(database_url(url))) as guard:
        expected = [guard.run(query, *report) for report in REPORTS]
        event.listen(guard._engine, "before_cursor_execute", run, retval=True)
        monkeypatch.setattr("API.app.compliance.postgresql.guard.QUICK_S", 0.0)
        assert asked_for() == [TOGETHER]
        assert asked_for() == [TOGETHER // 2]
        assert asked_for() == [32, 32, 32, 32, 8]
        fits = TOGETHER
        monkeypatch.setattr("API.app.compliance.postgresql.guard.QUICK_S", 60.0)
        assert asked_for() == [32, 64, 40]
        assert asked_for() == [TOGETHER, 8]
