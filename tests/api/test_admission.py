"""Whose reports are taken: tokens, networks that need none, and what operators decide."""

import socket
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.settings import SettingsError
from tests.conftest import CollectorProcess, NewCollector, load_contract, make_report
from tests.enrolment import ELSEWHERE, Member, bearing, enrolled, new_secret, operate


@pytest.fixture
def guarded(new_collector: NewCollector) -> CollectorProcess:
    """A collector for which loopback is a network whose agents need a token."""
    return new_collector(*ELSEWHERE).start()


def test_a_report_needs_a_token_outside_the_networks_that_are_listed(
    guarded: CollectorProcess,
) -> None:
    for report in (make_report(), load_contract("first_generation.json")):
        answer = guarded.post(report)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert enrolled(guarded).report().status_code == 201
    assert len(guarded.numbers()) == 1


def test_a_token_is_for_its_own_server_and_no_other(guarded: CollectorProcess) -> None:
    secret = new_secret(guarded)
    mine, other = enrolled(guarded, secret), enrolled(guarded, secret)
    for report in (
        make_report(id_agente=other.id_agente),
        make_report(),
        make_report(id_agente=None),
        load_contract("first_generation.json"),
    ):
        assert guarded.post(report, **bearing(mine.token)).status_code == 403
    assert guarded.numbers() == []
    upper = make_report(id_agente=mine.id_agente.upper())
    assert guarded.post(upper, **bearing(mine.token)).status_code == 201


@pytest.mark.parametrize("damage", ["other", "hash", "cut", "longer", "case", "basic"])
def test_a_wrong_token_is_401_and_all_are_the_same(guarded: CollectorProcess, damage: str) -> None:
    member = enrolled(guarded)
    token = {
        "other": Member(guarded).token,
        "hash": member.fingerprint,
        "cut": member.token[:-1],
        "longer": member.token + "A",
        "case": member.token.swapcase(),
    }.get(damage, "")
    headers = bearing(token) if token else {"Authorization": f"Basic {member.token}"}
    answer = guarded.post(make_report(id_agente=member.id_agente), **headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert guarded.numbers() == []


def test_any_authorization_is_answered_and_lets_nobody_in(guarded: CollectorProcess) -> None:
    @given(header=st.binary(max_size=60))
    def send(header: bytes) -> None:
        value = header.translate(None, bytes(range(32)) + b"\x7f").strip()
        with socket.create_connection(("127.0.0.1", guarded.port), timeout=20) as client:
            client.sendall(
                b"POST /servers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: %b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % value
            )
            assert client.recv(12) == b"HTTP/1.1 401"

    send()


def test_without_its_token_nobody_reports_as_a_server_that_has_one(
    shared_collector: CollectorProcess,
) -> None:
    """From loopback, where no token is needed: a server that has one is not to be impersonated."""
    member = enrolled(shared_collector)
    report = make_report(id_agente=member.id_agente)
    assert shared_collector.post(report).status_code == 401
    assert shared_collector.post(report, **bearing("falso")).status_code == 401
    assert shared_collector.post(report, **bearing(member.token)).status_code == 201
    assert shared_collector.post(report).status_code == 401, "not even one that is there"


def test_first_generation_needs_no_token_in_the_networks_that_are_listed(
    shared_collector: CollectorProcess,
) -> None:
    enrolled(shared_collector)
    report = load_contract("first_generation.json") | {"ipaddress": "10.1.1.1"}
    assert shared_collector.post(report).status_code == 201


def test_an_agent_without_a_token_may_enrol_later(collector: CollectorProcess) -> None:
    member = Member(collector)
    assert collector.post(make_report(id_agente=member.id_agente)).status_code == 201
    assert member.enrol(new_secret(collector)).status_code == 201
    assert member.report().status_code == 201
    assert collector.post(make_report(id_agente=member.id_agente)).status_code == 401
    assert len(collector.rows("SELECT 1 FROM agentes")) == 1


def test_revoking_takes_effect_on_the_next_request(new_collector: NewCollector) -> None:
    collector = new_collector(*ELSEWHERE, "--procesos", "2").start()
    secret = new_secret(collector)
    member, other = enrolled(collector, secret), enrolled(collector, secret)
    for _ in range(8):  # both processes have seen it
        assert member.report().status_code == 201
    operate(collector, "agentes", "revoke", member.id_agente)
    unknown = collector.post(make_report(), **bearing("nadie"))
    for _ in range(8):
        answer = member.report()
        assert (answer.status_code, answer.text) == (401, unknown.text), "it is as if unknown"
    assert member.enrol(secret).status_code == 409
    assert Member(collector).enrol(member.token).status_code == 401
    assert other.report().status_code == 201
    operate(collector, "agentes", "resume", member.id_agente)
    assert member.report().status_code == 201


def test_a_revoked_server_is_refused_without_a_token_too(collector: CollectorProcess) -> None:
    report = make_report(hostname="sin-token")
    assert collector.post(report).status_code == 201
    operate(collector, "agentes", "revoke", "sin-token")
    assert collector.post(report | {"id_reporte": str(uuid.uuid4())}).status_code == 403
    assert collector.get("/servers").json() == {"servers": []}


def test_a_paused_server_is_asked_to_wait(collector: CollectorProcess) -> None:
    member = enrolled(collector)
    assert member.report(hostname="web-1").status_code == 201
    operate(collector, "agentes", "pause", "web-1")
    answer = member.report()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert Member(collector).enrol(member.token).status_code == 503
    assert len(collector.numbers()) == 1
    [shown] = collector.get("/servers").json()["servers"]
    assert shown["id_agente"] == member.id_agente
    operate(collector, "agentes", "resume", "web-1")
    assert member.report().status_code == 201


def test_a_retired_server_leaves_the_list_keeps_its_past_and_may_come_back(
    collector: CollectorProcess,
) -> None:
    member, other = enrolled(collector), Member(collector)
    number = member.report(hostname="web-1").json()["id_serv"]
    assert collector.post(make_report(id_agente=other.id_agente)).status_code == 201
    before = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    operate(collector, "agentes", "retire", "web-1")
    after = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    for moment, there in ((before, 2), (after, 1)):
        for name in ("servers", "procesos", "usuarios_activos"):
            rows = collector.get(f"/{name}", params={"en": moment}).json()[name]
            assert len({row["id_agente"] for row in rows}) == there, name
    [shown] = collector.get("/servers").json()["servers"]
    assert shown["id_agente"] == other.id_agente
    assert collector.get(f"/servers/{number}").status_code == 200
    assert collector.get(f"/agentes/{member.id_agente}/estado").status_code == 200
    assert member.report(hostname="web-1").status_code == 201
    assert len(collector.get("/servers").json()["servers"]) == 2
    assert f"agente.volver  {member.id_agente}" in operate(collector, "auditoria")


def test_rotation_lets_both_tokens_work_for_a_time(collector: CollectorProcess) -> None:
    member = enrolled(collector)
    renewed = Member(collector, id_agente=member.id_agente)
    assert renewed.enrol(member.token).status_code == 409, "nobody asked for it"
    assert "renovar_token" not in member.report().json()
    operate(collector, "agentes", "rotate", "--horas", "2", member.id_agente)
    assert member.report().json()["renovar_token"] is True
    assert (
        Member(collector, id_agente=member.id_agente).enrol(new_secret(collector)).status_code
        == 409
    ), "the secret does not take an identity over"
    assert renewed.enrol(member.token).status_code == 201
    assert renewed.enrol(member.token).status_code == 200
    for one in (member, renewed):
        answer = one.report()
        assert (answer.status_code, "renovar_token" in answer.json()) == (201, False)
    end_now(collector, member)
    assert member.report().status_code == 401
    assert Member(collector).enrol(member.token).status_code == 401
    assert renewed.report().status_code == 201


def end_now(collector: CollectorProcess, member: Member) -> None:
    """Let the time that an old token was given be over."""
    earlier = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    statement = "UPDATE credenciales SET hasta = ? WHERE hash = ?"
    assert collector.execute(statement, earlier, member.fingerprint) == 1


def test_another_servers_token_rotates_nothing(collector: CollectorProcess) -> None:
    secret = new_secret(collector)
    member, other = enrolled(collector, secret), enrolled(collector, secret)
    operate(collector, "agentes", "rotate", member.id_agente)
    thief = Member(collector, id_agente=member.id_agente)
    assert thief.enrol(other.token).status_code == 409
    assert member.report().status_code == 201


def test_a_token_takes_over_no_identity_that_others_use_without_one(
    collector: CollectorProcess,
) -> None:
    report = make_report()
    assert collector.post(report).status_code == 201
    thief = Member(collector, id_agente=report["id_agente"])
    assert thief.enrol(enrolled(collector).token).status_code == 409


def test_operators_see_their_servers_and_label_them(collector: CollectorProcess) -> None:
    member = enrolled(collector)
    assert member.report(hostname="web-1").status_code == 201
    assert collector.post(make_report(hostname="db\n-1\x1b[2J")).status_code == 201
    operate(collector, "agentes", "label", "web-1", "entorno=prod", "rol=web")
    said = operate(collector, "agentes", "label", "web-1", "rol=", "zona=norte ñ")
    assert said.endswith("): entorno=prod, zona=norte ñ\n")
    header, *lines = operate(collector, "agentes", "list").splitlines()
    assert header.split()[:4] == ["ID", "SERVIDOR", "DIRECCIÓN", "ESTADO"]
    assert len(lines) == 2
    shown = next(line for line in lines if line.startswith(member.id_agente))
    assert "  web-1  " in shown
    assert "  activo  " in shown
    assert shown.endswith("entorno=prod, zona=norte ñ")
    assert any(r"db\n-1\x1b[2J" in line and "sin token" in line for line in lines)
    [row] = collector.rows("SELECT etiquetas FROM agentes WHERE hostname = 'web-1'")
    assert row == {"etiquetas": '{"entorno": "prod", "zona": "norte ñ"}'}


def test_a_label_that_nobody_could_ask_for_is_refused(collector: CollectorProcess) -> None:
    assert collector.post(make_report(hostname="web-1")).status_code == 201
    with pytest.raises(SystemExit):
        operate(collector, "agentes", "label", "web-1", "sitio:piso=2")
    operate(collector, "agentes", "label", "web-1", "sitio=piso:2", "viejo:a=")
    [found] = collector.get("/servers?etiqueta=sitio:piso:2").json()["servers"]
    assert found["hostname"] == "web-1"


def test_a_clock_that_is_off_is_shown(collector: CollectorProcess) -> None:
    assert collector.post(make_report(fecha_hora="2999-01-01T00:00:00Z")).status_code == 201
    assert "s adelantado" in operate(collector, "agentes", "list")


@pytest.mark.parametrize("names", [["nadie"], ["gemelo"], ["web-1", "nadie"]], ids="-".join)
def test_a_name_that_is_not_one_servers_changes_nothing(
    collector: CollectorProcess, names: list[str]
) -> None:
    for hostname in ("gemelo", "gemelo", "web-1"):
        assert collector.post(make_report(hostname=hostname)).status_code == 201
    with pytest.raises(SettingsError, match=names[-1]):
        operate(collector, "agentes", "revoke", *names)
    assert collector.rows("SELECT DISTINCT estado FROM agentes") == [{"estado": "activo"}]


def test_of_twins_the_one_in_service_is_meant(collector: CollectorProcess) -> None:
    old, new = (make_report(hostname="web-1") for _ in range(2))
    assert collector.post(old).status_code == 201
    operate(collector, "agentes", "retire", "web-1")
    assert collector.post(new).status_code == 201
    assert new["id_agente"] in operate(collector, "agentes", "pause", "web-1")


def test_every_decision_is_in_the_audit_trail(collector: CollectorProcess) -> None:
    assert collector.post(make_report(hostname="web-1")).status_code == 201
    for action in (["pause"], ["resume"], ["retire"], ["revoke"], ["rotate"]):
        operate(collector, "agentes", *action, "web-1")
    operate(collector, "agentes", "label", "web-1", "a=b")
    operate(collector, "agentes", "label", "web-1", "a=")
    trail = operate(collector, "auditoria")
    for name in ("pausar", "reanudar", "retirar", "revocar", "rotar", "etiquetar"):
        assert f"  terminal  agente.{name}  " in trail
