"""Connections that wait for an answer of PostgreSQL only so long."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from API.app.ingest.postgresql.copying import copying
from createDB.engine import database_url, open_engine, said_by
from createDB.postgresql.direct import DirectConnection
from tests.postgresql import PostgresServer

ANSWER_S = 0.3


@pytest.fixture
def engine(postgresql: PostgresServer) -> Iterator[Engine]:
    """An engine that is not patient."""
    made = open_engine(database_url(postgresql.url()), answer_s=ANSWER_S)
    yield made
    made.dispose()


def process_of(engine: Engine) -> int:
    """Ask which process of the server answers."""
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def test_one_that_is_late_is_not_used_again(engine: Engine) -> None:
    before = process_of(engine)
    assert process_of(engine) == before
    with pytest.raises(DBAPIError) as late, engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(60)")
    assert said_by(late.value) == "no answer within 0.3 s"
    assert process_of(engine) != before


def test_rows_are_not_sent_for_longer(engine: Engine, postgresql: PostgresServer) -> None:
    def send() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TEMP TABLE t (n text)")
            with copying(connection, "t") as copy, postgresql.frozen():
                while True:
                    copy.write(bytes(1 << 20))

    with pytest.raises(DBAPIError) as late:
        send()
    assert said_by(late.value) == "no answer within 0.3 s"
    assert process_of(engine)


def test_one_of_the_drivers_own(postgresql: PostgresServer) -> None:
    url = database_url(postgresql.url())
    asking = DirectConnection(url, read_only=True, wait_ms=0, answer_s=ANSWER_S)
    with pytest.raises(psycopg.OperationalError, match="no answer within"):
        asking.execute("SELECT pg_sleep(60)")
    assert not asking.is_idle()
    asking.close()
