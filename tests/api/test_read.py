"""GET /servers, /servers/{id_serv}, /healthz, /readyz."""

import os
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from API.app.version import VERSION
from tests.conftest import CollectorProcess, NewCollector, load_contract, make_report
from tests.enrolment import Member, new_secret


def test_it_works(collector: CollectorProcess) -> None:
    old = make_report(fecha_hora="2026-01-01T00:00:00Z")
    new = old | {"id_reporte": str(uuid.uuid4()), "fecha_hora": "2026-01-02T00:00:00Z"}
    other = make_report(hostname="db-01", ipaddress="10.0.0.9")
    for report in (new, old, other):  # the older one comes late
        assert collector.post(report).status_code == 201
    answer = collector.get("/servers")
    assert answer.headers["Compliance-Version"] == VERSION
    servers = answer.json()["servers"]
    assert {row["id_agente"]: row["fecha_hora"] for row in servers} == {
        old["id_agente"]: "2026-01-02T00:00:00.000000+00:00",
        other["id_agente"]: "2026-11-20T10:00:00.000250+00:00",
    }


def test_report_is_shown_as_it_was_posted(shared_collector: CollectorProcess) -> None:
    report = make_report(errores={"ipaddress": "sin red"})
    shown = shared_collector.get(f"/servers/{posted(shared_collector, report)}").json()
    for name in ("arranque", "intervalo", "version_agente", "descartados"):
        del report[name]  # what the agent is, not what the server is: see `agentes`
    del report["campo_de_un_agente_futuro"]
    for process in report["procesos"]:
        process.pop("inicio", None)
    assert shown == report


def test_first_generation_report_is_shown_with_its_eight_fields(
    shared_collector: CollectorProcess,
) -> None:
    report = load_contract("first_generation.json")
    shown = shared_collector.get(f"/servers/{posted(shared_collector, report)}").json()
    report["fecha_hora"] = "2020-02-15T02:06:54.999999+00:00"
    assert {name: shown[name] for name in report} == report


@pytest.mark.parametrize("number", ["999999", "0", str(1 << 70)])
def test_unknown_report_is_404(shared_collector: CollectorProcess, number: str) -> None:
    answer = shared_collector.get(f"/servers/{number}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hostname=filtro-1", {"filtro-1"}),
        ("hostname=FILTRO-*", {"filtro-1", "filtro-2"}),
        ("hostname=filtro%25*", {"filtro%3"}),
        ("hostname=filtro_1", set()),
        ("ip=10.77.0.2", {"filtro-2"}),
        ("ip=10.77.*&so=debian", {"filtro-1", "filtro%3"}),
        ("ip=10.77.*&so=ubuntu 24.04", {"filtro-2"}),
        ("ip=10.77.*&so=linux", {"filtro-1", "filtro-2", "filtro%3"}),
        ("hostname=nadie", set()),
    ],
)
def test_list_is_narrowed(shared_collector: CollectorProcess, query: str, found: set[str]) -> None:
    systems = {"filtro-1": "debian 12", "filtro-2": "ubuntu 24.04", "filtro%3": "debian 13"}
    for number, (hostname, system) in enumerate(systems.items(), 1):
        distribution, version = system.split()
        report = make_report(
            hostname=hostname,
            ipaddress=f"10.77.0.{number}",
            distribucion=distribution,
            version_distribucion=version,
        )
        report["id_agente"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, hostname))
        posted(shared_collector, report)
    servers = shared_collector.get(f"/servers?{query}").json()["servers"]
    assert {row["hostname"] for row in servers} == found


def test_pages_give_every_server_once(shared_collector: CollectorProcess) -> None:
    agents = {posted_agent(shared_collector, f"pagina-{number}") for number in range(7)}
    path, seen = "/servers?hostname=pagina-*&limite=3", []
    while path:
        answer = shared_collector.get(path)
        page = [row["id_agente"] for row in answer.json()["servers"]]
        assert 1 <= len(page) <= 3
        seen += page
        path = answer.links.get("next", {}).get("url", "")
    assert len(seen) == 7
    assert set(seen) == agents


@pytest.mark.parametrize(
    "headers",
    [{}, {"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": "localhost"}],
    ids=str,
)
def test_reading_without_credentials_is_refused(
    shared_collector: CollectorProcess, headers: dict[str, str]
) -> None:
    posted(shared_collector, make_report())
    answer = shared_collector.get("/servers", headers=headers)
    assert answer.status_code == 401
    assert "id_agente" not in answer.text


@pytest.mark.parametrize("name", ["Via", "Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_reading_through_a_proxy_is_refused(shared_collector: CollectorProcess, name: str) -> None:
    headers = shared_collector.local_access | {name: "127.0.0.1"}
    assert shared_collector.get("/servers", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "query", ["limite=" + "9" * 5000, "limite=0", "limite=x", "limite=1001", "limite=²", "hots=a"]
)
def test_wrong_parameter_is_named(shared_collector: CollectorProcess, query: str) -> None:
    answer = shared_collector.get(f"/servers?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["detail"]


def test_health_is_alive_and_ready(shared_collector: CollectorProcess) -> None:
    assert shared_collector.get("/healthz").json() == {"estado": "vivo"}
    ready = shared_collector.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["comprobaciones"].values()) == {"bien"}


@pytest.mark.sqlite
def test_locked_database_is_told_and_reports_are_taken(collector: CollectorProcess) -> None:
    connection = sqlite3.connect(collector.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        answer = collector.get("/readyz")
        assert answer.status_code == 200
        assert "locked" in answer.json()["comprobaciones"]["base_de_datos"]
        assert collector.get("/healthz").status_code == 200
        assert collector.get("/servers").status_code == 200
    finally:
        connection.close()
    assert collector.get("/readyz").json()["comprobaciones"]["base_de_datos"] == "bien"


@pytest.mark.sqlite
def test_readiness_is_told_while_every_thread_waits(new_collector: NewCollector) -> None:
    collector = new_collector("--hilos", "1").start()
    secret = new_secret(collector)
    with ThreadPoolExecutor(2) as pool, closing(sqlite3.connect(collector.database)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        enrolling = [pool.submit(Member(collector).enrol, secret) for _ in range(2)]
        for _ in range(2):  # it waits for the lock too, a fifth as long as an enrolment
            assert collector.get("/readyz").status_code == 200
        assert not any(each.done() for each in enrolling)
        holder.rollback()
        assert {each.result().status_code for each in enrolling} == {201}


def test_not_ready_when_the_disk_is_short(
    new_collector: NewCollector,
) -> None:
    collector = new_collector("--libre-mib", str(1 << 30)).start()
    answer = collector.get("/readyz")
    assert answer.status_code == 503
    assert "MiB free" in answer.json()["comprobaciones"]["disco"]


@pytest.mark.sqlite
def test_database_can_be_read_by_anybody_while_it_runs(collector: CollectorProcess) -> None:
    posted(collector, make_report())
    assert collector.rows("SELECT count(*) AS n FROM procesos") == [{"n": 3}]
    assert os.access(collector.database, os.R_OK)


def posted(collector: CollectorProcess, report: dict[str, object]) -> int:
    answer = collector.post(report)
    assert answer.status_code in (200, 201), answer.text
    return int(answer.json()["id_serv"])


def posted_agent(collector: CollectorProcess, hostname: str) -> str:
    report = make_report(hostname=hostname)
    posted(collector, report)
    return str(report["id_agente"])
