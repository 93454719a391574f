"""Queries of policies read, for a short while, and do nothing else."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from API.app.compliance import trial
from API.app.compliance.guard import MAX_ROWS, MAX_SIZE, STEPS, QueryError
from API.app.compliance.guards import FileGuard
from API.app.queries.politicas import Reported
from createDB.engine import database_url

SLOW = "hex(zeroblob(50000))"
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    path = tmp_path / "servers.sqlite"
    path.write_bytes(empty_database.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO agentes (num_agente, id_agente) VALUES (1, 'a')")
        connection.execute("INSERT INTO servers (id_serv, num_agente) VALUES (1, 1)")
    connection.close()
    return path


@pytest.fixture
def guard(database: Path) -> Iterator[FileGuard]:
    guard = FileGuard.open(database)
    yield guard
    guard.close()


def test_a_select_gives_its_rows_by_name(guard: FileGuard) -> None:
    found = guard.run(
        "SELECT id_serv AS n, :en AS en FROM servers WHERE id_serv = :id_serv;", 1, "x"
    )
    assert found.rows == [{"n": 1, "en": "x"}]
    assert not found.more


def test_rows_have_a_limit(guard: FileGuard) -> None:
    found = guard.run(f"{ENDLESS} SELECT i FROM n LIMIT 1000", 1, "")
    assert len(found.rows) == MAX_ROWS
    assert found.more


def test_a_trial_of_slow_steps_is_stopped(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TRIAL_S", 0.1)
    monkeypatch.setattr(trial, "GRACE_S", 0.5)
    query = f"{ENDLESS} SELECT count(*) FROM n WHERE instr(hex(zeroblob(99999)), {SLOW} || i) > 0"
    began = time.monotonic()
    found = trial.try_query(database_url(str(database)), query, [Reported("a", "a", 1)])
    assert found.failure
    assert time.monotonic() - began < 60


def test_what_is_no_query_has_no_deadline(guard: FileGuard) -> None:
    with pytest.raises(QueryError, match="tardó más"):
        guard.run(f"{ENDLESS} SELECT count(*) FROM n", 1, "")
    for _ in range(STEPS):
        with guard.snapshot():
            pass


def test_rows_take_no_more_than_their_share_of_memory(guard: FileGuard) -> None:
    found = guard.run(f"{ENDLESS} SELECT i, hex(zeroblob(30000)) AS x FROM n LIMIT 20", 1, "")
    assert 0 < sum(len(row["x"]) for row in found.rows) <= MAX_SIZE
    assert found.more


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("DELETE FROM servers", id="write"),
        pytest.param("INSERT INTO servers (id_serv) VALUES (9) RETURNING id_serv", id="insert"),
        pytest.param("1); DELETE FROM servers; SELECT (1", id="several"),
        pytest.param("SELECT 1) UNION SELECT * FROM (DELETE FROM servers", id="inside"),
        pytest.param("ATTACH 'otra.sqlite' AS otra", id="attach"),
        pytest.param("SELECT load_extension('/tmp/x.so')", id="load_extension"),
        pytest.param("PRAGMA writable_schema = ON", id="pragma"),
        pytest.param("SELECT * FROM pragma_table_info('servers')", id="pragma function"),
        pytest.param("SELECT * FROM sqlite_master", id="schema"),
        pytest.param("SELECT * FROM auditoria", id="audit trail"),
        pytest.param("WITH servers AS (SELECT * FROM auditoria) SELECT * FROM servers", id="alias"),
        pytest.param("SELECT random()", id="random"),
        pytest.param("SELECT zeroblob(1000000000)", id="memory"),
        pytest.param("SELECT zeroblob(200000) AS a, zeroblob(200000) AS b", id="row"),
        pytest.param(f"SELECT {', '.join(map('{0} AS c{0}'.format, range(200)))}", id="columns"),
        pytest.param("SELECT printf('%.*c', 500000000, 'x')", id="text"),
        pytest.param("SELECT :otro", id="parameter"),
        pytest.param("VACUUM INTO 'copia.sqlite'", id="vacuum"),
    ],
)
def test_what_is_no_harmless_select_is_stopped(
    guard: FileGuard, database: Path, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(database.parent)
    before = set(database.parent.iterdir())
    with pytest.raises(QueryError):
        guard.run(query, 1, "")
    assert guard.run("SELECT count(*) AS n FROM servers", 1, "").rows == [{"n": 1}]
    assert {path.name for path in set(database.parent.iterdir()) - before} <= {
        "servers.sqlite-wal", "servers.sqlite-shm"
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"{ENDLESS} SELECT max(i) FROM n", id="endless"),
        pytest.param(f"{ENDLESS} SELECT a.i FROM n a, n b WHERE a.i < 0", id="product"),
    ],
)
def test_a_query_that_does_not_end_is_stopped(guard: FileGuard, query: str) -> None:
    with pytest.raises(QueryError, match="la consulta tardó más de 500 ms"):
        guard.run(query, 1, "")
    assert guard.run("SELECT 1 AS n", 1, "").rows == [{"n": 1}]
