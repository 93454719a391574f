"""While the database cannot be read, who reports is known from a copy, for five minutes."""

import os
import re
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from API.app.errors import ProblemError
from API.app.lately import FILE, LASTS_S, Lately, copy
from API.app.queries.admission import bearer_of, server_called
from API.app.questions import Questions
from createDB.build import build
from createDB.engine import database_url
from tests.conftest import (
    CollectorProcess,
    NewCollector,
    load_contract,
    make_report,
    wait_until,
)
from tests.enrolment import ELSEWHERE, Member, bearing

SERVERS = 600
"""More than are copied at a time."""


def fill(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for number in range(1, SERVERS + 1):
            ident = str(uuid.UUID(int=number))
            connection.execute(
                "INSERT INTO agentes (num_agente, id_agente, estado) VALUES (?, ?, 'activo')",
                (number, ident),
            )
            connection.execute(
                "INSERT INTO credenciales (hash, num_agente, desde) VALUES (?, ?, '2026-11-01')",
                (f"{number:064}", number),
            )
            for boot in ("old", "new"):
                connection.execute(
                    "INSERT INTO arranques (num_agente, id_arranque, desde) VALUES (?, ?, ?)",
                    (number, f"{boot} {number}", 1 if boot == "old" else 2),
                )


def enrol(database: Path, member: Member) -> None:
    """Have a server enrolled before the collector, and with it the copy, begins."""
    with closing(sqlite3.connect(database)) as connection, connection:
        agents = "INSERT INTO agentes (num_agente, id_agente, estado) VALUES (1, ?, 'activo')"
        connection.execute(agents, (member.id_agente,))
        boots = "INSERT INTO arranques (num_agente, id_arranque, desde) VALUES (1, ?, 1)"
        connection.execute(boots, (load_contract("complete.json")["id_arranque"],))
        tokens = "INSERT INTO credenciales (hash, num_agente, desde) VALUES (?, 1, '2026-11-01')"
        connection.execute(tokens, (member.fingerprint,))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "servers.sqlite"
    build(database_url(str(path)))
    fill(path)
    return path


def questions_to(database: Path) -> Questions:
    return Questions(database_url(str(database)))


def age(storage: Path, seconds: float) -> None:
    """Let so much time pass for the copy."""
    with closing(sqlite3.connect(storage / FILE)) as connection, connection:
        connection.execute("UPDATE hecha SET reloj = reloj - ?", (seconds,))


def test_what_was_known_is_known_until_it_is_too_old(database: Path, tmp_path: Path) -> None:
    questions = questions_to(database)
    copy(questions, tmp_path, lambda _seconds: False)
    asked, away = Lately(questions, tmp_path).ask(lambda c: bearer_of(c, f"{SERVERS:064}"))
    assert asked
    assert away is None
    questions.close()
    database.write_bytes(b"x" * 10_000)
    lately = Lately(questions_to(database), tmp_path)
    found, away = lately.ask(lambda c: bearer_of(c, f"{SERVERS:064}"))
    assert found == asked
    assert found.arranque == f"new {SERVERS}"
    assert away
    assert away.status == 503
    called, _ = lately.ask(lambda c: server_called(c, asked.id_agente))
    assert called == (asked, True)
    nobody, _ = lately.ask(lambda c: bearer_of(c, "0" * 64))
    assert nobody is None
    assert lately.is_usable()
    age(tmp_path, LASTS_S - 60)
    assert lately.ask(lambda c: bearer_of(c, f"{1:064}"))[0]
    age(tmp_path, 61)
    with pytest.raises(ProblemError, match="cannot be read"):
        lately.ask(lambda c: bearer_of(c, f"{1:064}"))
    assert not lately.is_usable()


def test_without_a_copy_nobody_is_known(tmp_path: Path) -> None:
    lately = Lately(questions_to(tmp_path / "servers.sqlite"), tmp_path)
    for _ in range(2):
        with pytest.raises(ProblemError, match="cannot be read"):
            lately.ask(lambda c: bearer_of(c, f"{1:064}"))


def test_database_that_is_back_is_asked_again(database: Path, tmp_path: Path) -> None:
    questions = questions_to(database)
    copy(questions, tmp_path, lambda _seconds: False)
    questions.close()
    whole = database.read_bytes()
    database.write_bytes(b"x" * 10_000)
    lately = Lately(questions_to(database), tmp_path)
    assert lately.ask(lambda c: bearer_of(c, f"{1:064}"))[1]
    database.write_bytes(whole)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE agentes SET estado = 'revocado' WHERE num_agente = 1")
    wait_until(
        lambda: lately.ask(lambda c: bearer_of(c, f"{1:064}")) == (None, None),
        "the database is not asked",
    )


@contextmanager
def unreadable(collector: CollectorProcess) -> Iterator[None]:
    """Have the database locked and damaged, for whoever opens it from now on."""
    with closing(sqlite3.connect(collector.database, isolation_level=None)) as holder:
        wait_until(lambda: is_held_and_whole(holder, collector.database), "the -wal is not empty")
        with collector.database.open("r+b", buffering=0) as file:
            header = file.read(100)
            try:
                file.seek(0)
                file.write(b"x" * len(header))
                yield
            finally:
                file.seek(0)
                file.write(header)


def is_held_and_whole(holder: sqlite3.Connection, database: Path) -> bool:
    """Take the lock at a moment at which the file has everything, and the -wal nothing."""
    holder.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    holder.execute("BEGIN IMMEDIATE")
    if database.with_name(f"{database.name}-wal").stat().st_size == 0:
        return True
    holder.rollback()
    return False


@pytest.mark.sqlite
def test_reports_are_taken_while_the_database_cannot_be_read(new_collector: NewCollector) -> None:
    collector = new_collector(*ELSEWHERE)
    member = Member(collector)
    enrol(collector.database, member)
    collector.start()
    wait_until((collector.storage / FILE).exists, "there is no copy")
    assert member.report().status_code == 201
    report = make_report(id_agente=member.id_agente)
    with unreadable(collector):
        serve_anew(collector)
        assert collector.post(report, **bearing(member.token)).status_code == 202
        assert collector.get("/readyz").status_code == 200
        rebooted = make_report(id_agente=member.id_agente, id_arranque=str(uuid.uuid4()))
        rebooted["fecha_hora"] = "2026-11-21T00:00:00Z"
        assert collector.post(rebooted, **bearing(member.token)).status_code == 503
        stranger = collector.post(make_report(), **bearing(Member(collector).token))
        assert stranger.status_code == 503
        assert int(stranger.headers["Retry-After"]) > 0
        other = make_report()
        assert collector.post(other, **bearing(member.token)).status_code == 403
        assert collector.post(other).status_code == 401
        assert "compliance_pendientes_reportes 1.0" in collector.get("/metrics").text
        age(collector.storage, LASTS_S)
        assert collector.post(report, **bearing(member.token)).status_code == 503
        ready = collector.get("/readyz")
        assert ready.status_code == 503
        assert "who reports is known no more" in ready.json()["comprobaciones"]["base_de_datos"]
    wait_until(lambda: len(collector.numbers()) == 2, "the report is not in the database")
    assert collector.post(report, **bearing(member.token)).status_code == 200


def serve_anew(collector: CollectorProcess) -> None:
    """End the process that serves; another takes its place, and opens the database."""
    starts = collector.log.count("listening")
    os.kill(int(re.findall(r"listening .*pid=(\d+)", collector.log)[-1]), signal.SIGKILL)
    wait_until(lambda: collector.answers(starts), "nobody serves")
