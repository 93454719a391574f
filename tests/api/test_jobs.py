"""What one collector does at a time, of those that share a database."""

from contextlib import closing
from pathlib import Path

import pytest

from API.app import jobs, judge
from API.app.compliance.court import Court
from API.app.compliance.library import Library
from API.app.jobs import TakenError, Turn
from createDB.engine import database_url, open_engine
from createDB.postgresql.locks import Lock
from tests.conftest import wait_until
from tests.postgresql import PostgresServer, rows_of

HELD = """
    SELECT 1 FROM pg_locks JOIN pg_stat_activity a USING (pid) WHERE locktype = 'advisory'
    AND a.datname = current_database() AND now() - a.backend_start > ? * interval '1 s'
"""
"""Who has a job for longer than so many seconds."""


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


def test_a_job_is_anothers_where_nothing_is_heard_of_who_has_it(
    postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "AGAIN_S", 0)
    monkeypatch.setattr(jobs, "HUNG_S", 0.5)
    with postgresql.database() as url:
        first, second = (open_engine(database_url(url)) for _ in range(2))
        turn, others = Turn(first, Lock.TELLING), Turn(second, Lock.TELLING)
        assert turn.is_ours()
        wait_until(others.is_ours, "the job passed on")
        assert not turn.is_ours()
        for engine in (first, second):
            engine.dispose()


def test_who_judges_for_long_keeps_the_job(
    postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (jobs, judge):
        monkeypatch.setattr(module, "HUNG_S", 1.0)
    with postgresql.database("completo") as url:
        court = Court(database_url(url), Library([]))
        with closing(court), judge._keeping_job(court):
            wait_until(lambda: rows_of(url, HELD, [3 * jobs.HUNG_S]), "it has it no longer")
            court.write(lambda _connection: None)


def test_jobs_are_the_only_collectors_on_sqlite(tmp_path: Path) -> None:
    engine = open_engine(database_url(str(tmp_path / "any.sqlite")), checkpoints=False)
    assert Turn(engine, Lock.HOUSEKEEPING).is_ours()
