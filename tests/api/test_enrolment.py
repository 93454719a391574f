"""POST /agentes: who is let in, who is not, and what each of them learns."""

import json
import os
import socket
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.api.people import ago
from tests.conftest import CollectorProcess, NewCollector, make_report
from tests.enrolment import ELSEWHERE, Member, bearing, enrolled, new_secret, operate


def test_it_works(new_collector: NewCollector) -> None:
    collector = new_collector(*ELSEWHERE).start()
    member = Member(collector)
    answer = member.enrol(new_secret(collector))
    assert (answer.status_code, answer.json()) == (201, {"id_agente": member.id_agente})
    assert member.report().status_code == 201
    [row] = collector.rows("SELECT hash, hasta FROM credenciales")
    assert row == {"hash": member.fingerprint, "hasta": None}


def test_the_same_identity_and_token_again_is_200(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector)
    member = enrolled(shared_collector, secret)
    assert member.enrol(secret).status_code == 200
    rows = shared_collector.rows("SELECT 1 FROM credenciales WHERE hash = ?", member.fingerprint)
    assert len(rows) == 1


def test_a_known_identity_with_another_token_is_409(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector)
    member = enrolled(shared_collector, secret)
    thief = Member(shared_collector, id_agente=member.id_agente)
    assert thief.enrol(secret).status_code == 409
    assert thief.report().status_code == 401
    assert member.report().status_code == 201


def test_a_token_of_another_identity_is_409(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector)
    member = enrolled(shared_collector, secret)
    other = Member(shared_collector, token=member.token)
    assert other.enrol(secret).status_code == 409


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer x",
        "bearer alta_x",
        "Token y",
        "Bearer é",
    ],
)
def test_without_the_secret_nothing_is_learnt(
    shared_collector: CollectorProcess, header: str | None
) -> None:
    secret = new_secret(shared_collector)
    member = enrolled(shared_collector, secret)
    headers = {} if header is None else {"Authorization": header.encode()}
    answers = []
    bodies: tuple[Any, ...] = (
        {"id_agente": member.id_agente, "token_sha256": member.fingerprint}, {}, [],
    )  # fmt: skip
    for body in bodies:
        answer = requests.post(
            f"{shared_collector.url}/agentes", json=body, headers=headers, timeout=20
        )
        answers.append((answer.status_code, answer.headers["WWW-Authenticate"], answer.text))
    assert answers[0][:2] == (401, "Bearer")
    assert len(set(answers)) == 1


def test_a_secret_that_was_replaced_enrols_nobody(shared_collector: CollectorProcess) -> None:
    old = new_secret(shared_collector)
    new = new_secret(shared_collector)
    assert Member(shared_collector).enrol(old).status_code == 401
    assert Member(shared_collector).enrol(new).status_code == 201


def test_a_secret_for_so_many_enrols_no_more(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector, "--cupo", "2")
    first = enrolled(shared_collector, secret)
    enrolled(shared_collector, secret)
    answer = Member(shared_collector).enrol(secret)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert first.enrol(secret).status_code == 200, "an answer that was lost counts once"
    assert "altas: 2 de 2" in operate(shared_collector, "secret", "show")


def test_a_number_holds_when_all_come_at_once(new_collector: NewCollector) -> None:
    collector = new_collector("--procesos", "2").start()
    secret = new_secret(collector, "--cupo", "5")
    answers: list[int] = []

    def come() -> None:
        answers.append(Member(collector).enrol(secret).status_code)

    threads = [threading.Thread(target=come) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] * 5 + [403] * 11


def test_a_secret_for_some_networks_enrols_from_these(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector, "--redes", "192.0.2.0/24, 2001:db8::/32")
    assert Member(shared_collector).enrol(secret).status_code == 403
    secret = new_secret(shared_collector, "--redes", "192.0.2.0/24,127.0.0.1/32")
    assert Member(shared_collector).enrol(secret).status_code == 201


def test_a_secret_for_some_time_ends(shared_collector: CollectorProcess) -> None:
    secret = new_secret(shared_collector, "--horas", "1")
    assert Member(shared_collector).enrol(secret).status_code == 201
    set_time(shared_collector, "UPDATE secretos SET hasta = ? WHERE id_secreto ="
             " (SELECT max(id_secreto) FROM secretos)")  # fmt: skip
    assert Member(shared_collector).enrol(secret).status_code == 403


def set_time(collector: CollectorProcess, statement: str, *more: Any) -> None:
    """Write this moment into the database, as if what ends now had been set to."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    assert collector.execute(statement, now, *more) == 1


def test_so_many_a_minute_in_all_processes(new_collector: NewCollector) -> None:
    collector = new_collector("--altas-minuto", "3", "--procesos", "2").start()
    secret = new_secret(collector)
    members = [enrolled(collector, secret) for _ in range(3)]
    late = Member(collector)
    answer = late.enrol(secret)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert members[0].enrol(secret).status_code == 200, "known already: it adds nothing"
    leave = "UPDATE credenciales SET desde = ? WHERE hash = ?"
    assert collector.execute(leave, ago(seconds=61), members[1].fingerprint) == 1
    assert late.enrol(secret).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"id_agente": "yo"},
        {"id_agente": None},
        {"id_agente": str(uuid.uuid5(uuid.NAMESPACE_DNS, "10.0.0.1"))},
        {"id_agente": str(uuid.UUID(int=0))},
        {"token_sha256": "0" * 63},
        {"token_sha256": "G" * 64},
        {"token_sha256": "0" * 64 + "\n"},
        {"token_sha256": 7},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_what_is_no_enrolment_is_400(
    shared_collector: CollectorProcess, changes: dict[str, Any]
) -> None:
    answer = Member(shared_collector).enrol(new_secret(shared_collector), **changes)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_an_enrolment_is_small(shared_collector: CollectorProcess) -> None:
    answer = Member(shared_collector).enrol(new_secret(shared_collector), mas="x" * 5000)
    assert answer.status_code == 413


def test_any_bytes_are_answered(shared_collector: CollectorProcess) -> None:
    headers = bearing(new_secret(shared_collector)) | {"Content-Type": "application/json"}
    url = f"{shared_collector.url}/agentes"

    @given(body=st.binary(min_size=1, max_size=200))
    def send(body: bytes) -> None:
        assert requests.post(url, data=body, headers=headers, timeout=20).status_code == 400

    send()


def test_credentials_are_checked_before_the_body_is_read(new_collector: NewCollector) -> None:
    """A body that never comes holds up nobody who isn't let in: the answer is there before it."""
    collector = new_collector(*ELSEWHERE).start()
    for path in ("/servers", "/agentes"):
        with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as client:
            client.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nadie\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()
            )
            assert client.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_every_enrolment_is_in_the_audit_trail_and_no_secret_anywhere(
    new_collector: NewCollector,
) -> None:
    collector = new_collector(*ELSEWHERE).start()
    secret = new_secret(collector)
    member = enrolled(collector, secret)
    wrong = Member(collector)
    wrong.enrol("alta_falso-" + secret)
    wrong.report()
    member.enrol(secret, token_sha256="0" * 64)
    assert member.report().status_code == 201
    last = operate(collector, "auditoria").splitlines()[-1]
    assert "  127.0.0.1  agente.alta  " + member.id_agente in last
    assert "secreto de alta" in last
    collector.stop()
    kept = b"".join(path.read_bytes() for path in collector.storage.rglob("*") if path.is_file())
    kept += collector.log.encode()
    for hidden in (secret, member.token, wrong.token):
        assert hidden.encode() not in kept


def test_the_first_start_tells_the_line_once(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    line = next(line for line in collector.log.splitlines() if "COMPLIANCE_API_ALTA=" in line)
    secret = line.partition("COMPLIANCE_API_ALTA=")[2].split()[0]
    assert line.endswith(f" ./agente.sh --enrol --url {collector.url}")
    assert Member(collector).enrol(secret).status_code == 201
    collector.stop()
    collector.start()
    assert collector.log.count("COMPLIANCE_API_ALTA") == 1
    assert Member(collector).enrol(secret).status_code == 201


def test_no_secret_is_printed_into_a_journal(new_collector: NewCollector) -> None:
    """systemd says in JOURNAL_STREAM which file is its journal (systemd.exec(5))."""
    collector = new_collector()
    journal = collector.storage.parent / "collector.log"
    journal.touch()
    found = journal.stat()
    collector.start(env=os.environ | {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
    assert "COMPLIANCE_API_ALTA" not in collector.log
    assert "init_app.py secret rotate" in collector.log
    assert collector.rows("SELECT 1 FROM secretos") == []


def test_an_answer_that_is_lost_leaves_a_server_that_can_ask_again(
    collector: CollectorProcess,
) -> None:
    """The connection breaks while the collector enrols; the same request again is 200 or 201."""
    secret = new_secret(collector)
    for _ in range(5):
        member = Member(collector)
        hang_up_after_asking(member, secret)
        assert member.enrol(secret).status_code in (200, 201)
        assert member.report().status_code == 201


def hang_up_after_asking(member: Member, secret: str) -> None:
    body = json.dumps({"id_agente": member.id_agente, "token_sha256": member.fingerprint})
    head = (
        f"POST /agentes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", member.collector.port), timeout=10) as client:
        client.sendall((head + body).encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_enrolling_goes_on_while_reports_are_written(collector: CollectorProcess) -> None:
    """The writer and an enrolment want the same lock; both get their turn."""
    secret = new_secret(collector)
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            assert collector.post(make_report()).status_code == 201

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            enrolled(collector, secret)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
