"""What one collector does at a time, of those that share a database."""

from pathlib import Path

import pytest

from API.app import jobs
from API.app.jobs import TakenError, Turn
from createDB.engine import database_url, open_engine
from createDB.postgresql.locks import Lock
from tests.conftest import wait_until
from tests.postgresql import PostgresServer


def test_one_has_the_job_until_it_is_gone(
    postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "AGAIN_S", 0)
    with postgresql.database() as url:
        first, second = (open_engine(database_url(url)) for _ in range(2))
        turn, others = Turn(first, Lock.TELLING), Turn(second, Lock.TELLING)
        assert turn.is_ours()
        assert not others.is_ours()
        with pytest.raises(TakenError):
            second.connect()
        with first.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
        assert turn.is_ours()
        assert turn.taken == 1
        first.dispose()
        wait_until(others.is_ours, "the job passed on")
        assert not turn.is_ours()
        second.dispose()


def test_a_job_that_was_lost_is_taken_anew(postgresql: PostgresServer) -> None:
    with postgresql.database() as url:
        engine = open_engine(database_url(url))
        turn = Turn(engine, Lock.JUDGING)
        assert turn.is_ours()
        with postgresql.connect() as other:
            query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = %s"
            other.execute(query, ("advisory",))
        assert turn.is_ours()
        assert turn.taken == 2
        engine.dispose()


def test_jobs_are_the_only_collectors_on_sqlite(tmp_path: Path) -> None:
    engine = open_engine(database_url(str(tmp_path / "any.sqlite")), checkpoints=False)
    assert Turn(engine, Lock.HOUSEKEEPING).is_ours()
