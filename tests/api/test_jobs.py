"""What one collector does at a time, of those that share a database."""

from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from API.app import jobs, judge
from API.app.alerts.file import Watched
from API.app.alerts.sender import Sender
from API.app.compliance.court import Court
from API.app.compliance.library import Library
from API.app.heartbeat import Heartbeat
from API.app.jobs import TakenError, Turn
from API.app.logs import Trouble
from API.app.settings import load_settings
from createDB.engine import database_url, open_engine
from createDB.postgresql.locks import Lock
from tests.conftest import free_port, wait_until
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


def test_the_log_says_who_tells(
    postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "AGAIN_S", 0)
    with postgresql.database("completo") as url, capture_logs() as said:
        first, second = (Sender(database_url(url), Watched(None)) for _ in range(2))
        assert [line["event"] for line in said] == ["telling"]
        first.close()

        def passed_on() -> bool:
            second.step()
            return len(said) > 1

        wait_until(passed_on, "the job passed on")
        assert [line["event"] for line in said] == ["telling", "telling"]
        second.close()


def test_that_nobody_can_judge_is_said_once() -> None:
    settings = load_settings(["--database", f"postgresql://ana@127.0.0.1:{free_port()}/nada"])
    _, tells = Pipe()
    heart, trouble = Heartbeat(tells), Trouble("judging begins later")
    with capture_logs() as said:
        for _ in range(3):
            assert judge._court(settings, Library([]), heart, trouble) is None
    assert [line["event"] for line in said] == ["judging begins later"]


def test_jobs_are_the_only_collectors_on_sqlite(tmp_path: Path) -> None:
    engine = open_engine(database_url(str(tmp_path / "any.sqlite")), checkpoints=False)
    assert Turn(engine, Lock.HOUSEKEEPING).is_ours()
