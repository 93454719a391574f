"""The connections that ask PostgreSQL directly, and what has become of those that it ended."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

import pytest

from API.app.errors import ProblemError
from API.app.questions import Questions
from createDB.engine import database_url
from tests.postgresql import PostgresServer


@pytest.fixture
def questions(postgresql: PostgresServer) -> Iterator[Questions]:
    """Connections to a server that runs."""
    with closing(Questions(database_url(postgresql.url("postgres")))) as found:
        yield found


def test_statements_are_those_of_sqlite(questions: Questions) -> None:
    with questions.connect() as connection:
        assert connection.execute("SELECT ?, ?", (1, "%")).fetchone() == (1, "%")
        connection.execute("BEGIN")
        connection.rollback()


def test_connections_that_were_ended_are_made_anew(
    postgresql: PostgresServer, questions: Questions
) -> None:
    with questions.connect() as first, questions.connect() as second:
        ended = [first.execute("SELECT pg_backend_pid()").fetchone()[0] for _ in (0, 1)]
        ended.append(second.execute("SELECT pg_backend_pid()").fetchone()[0])
    with postgresql.connect() as other:
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", (ended,))
    with questions.connect() as again, questions.connect() as another:
        for connection in (again, another):
            assert connection.execute("SELECT pg_backend_pid()").fetchone()[0] not in ended


def test_one_that_ends_while_it_asks_is_an_answer_503(questions: Questions) -> None:
    with pytest.raises(ProblemError) as refused, questions.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert refused.value.detail.endswith("terminating connection due to administrator command")
    with questions.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_is_away_is_an_answer_503() -> None:
    questions = Questions(database_url("postgresql://ana@127.0.0.1:1/nada"))
    with pytest.raises(ProblemError) as refused, questions.connect():
        pass
    assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "\n" not in refused.value.detail
