"""What several collectors of one database must not decide at once."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from API.app.accounts import accounts
from API.app.accounts.attempts import FREE, begin_attempt
from API.app.accounts.roles import Role
from API.app.audit import Actor
from API.app.enrolment import Authority, Enrolment, enrol
from API.app.invitations import Limits, make_secret
from API.app.queries.admission import invitation
from API.app.questions import Questions
from createDB.engine import database_url, open_engine
from tests.postgresql import PostgresServer, rows_of

AT_ONCE = 8
ACTOR = Actor("prueba", "terminal")


class Base:
    """A database of a test's own, and what does something to it from many connections."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = open_engine(database_url(url), wait_ms=30_000)

    def at_once(self, act: Callable[[Connection, int], Any]) -> list[Any]:
        """Do something in as many transactions as there are, and give what came of each."""
        barrier = Barrier(AT_ONCE)

        def run(number: int) -> Any:
            try:
                with self.engine.begin() as connection:
                    connection.exec_driver_sql("SELECT 1")
                    barrier.wait(30)
                    return act(connection, number)
            except Exception as error:  # noqa: BLE001 - it is what is looked at
                return error

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(run, range(AT_ONCE)))


@pytest.fixture
def base(postgresql: PostgresServer) -> Iterator[Base]:
    with postgresql.database("completo") as url:
        found = Base(url)
        yield found
        found.engine.dispose()


@contextmanager
def _invited(base: Base, limits: Limits) -> Iterator[Authority]:
    with base.engine.begin() as connection:
        make_secret(connection, ACTOR, limits)
    questions = Questions(database_url(base.url))
    with questions.connect() as asking:
        yield Authority(secret=invitation(asking))
    questions.close()


def _asked(number: int) -> Enrolment:
    return Enrolment(uuid.uuid4(), f"{number:064x}")


def test_no_more_wrong_passwords_than_one_after_the_other(base: Base) -> None:
    found = base.at_once(lambda connection, _: begin_attempt(connection, "ana", "10.0.0.1"))
    assert found.count(None) == FREE


def test_no_more_servers_in_a_minute(base: Base) -> None:
    with _invited(base, Limits()) as by:
        found = base.at_once(
            lambda connection, number: enrol(connection, _asked(number), by, "10.0.0.1", 3)
        )
    assert found.count(True) == 3
    assert len(rows_of(base.url, "SELECT * FROM credenciales")) == 3


def test_no_more_servers_than_a_secret_is_for(base: Base) -> None:
    with _invited(base, Limits(cupo=2)) as by:
        found = base.at_once(
            lambda connection, number: enrol(connection, _asked(number), by, "10.0.0.1", 60)
        )
    assert found.count(True) == 2
    assert rows_of(base.url, "SELECT altas FROM secretos") == [{"altas": 2}]


def test_a_retry_beside_the_first_enrols_once(base: Base) -> None:
    asked = _asked(1)
    with _invited(base, Limits()) as by:
        found = base.at_once(lambda connection, _: enrol(connection, asked, by, "10.0.0.1", 60))
    assert sorted(found) == [False] * (AT_ONCE - 1) + [True]


def test_one_administrator_stays(base: Base) -> None:
    names = [f"ana{number}" for number in range(AT_ONCE)]
    with base.engine.begin() as connection:
        for name in names:
            accounts.create(connection, ACTOR, name, Role.ADMINISTRADOR, "caballo correcto grapa")

    def disable(connection: Connection, number: int) -> None:
        accounts.disable(connection, ACTOR, accounts.named(connection, names[number]))

    found = base.at_once(disable)
    assert found.count(None) == AT_ONCE - 1
