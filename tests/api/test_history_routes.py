"""GET /agentes/{id_agente}/estado and GET /cambios."""

import uuid
from typing import Any

import pytest

from tests.conftest import CollectorProcess, NewCollector, make_report

NOBODY = "00000000-0000-4000-8000-000000000000"
A = {"pid": 1, "name": "systemd", "username": "root"}
B = {"pid": 7, "name": "nginx", "username": "www-data", "inicio": "2026-11-20T09:59:00Z"}


def post_days(collector: CollectorProcess) -> str:
    """Post four reports of one server, at 10:00, 10:10, 10:20, 12:00; give its identity."""
    agent = str(uuid.uuid4())
    for moment, processes, users in (
        ("10:00", [A], []),
        ("10:10", [A, B], [{"pid": 9, "name": "ana"}]),
        ("12:00", [A], []),
        ("10:20", [A, B, B], []),  # comes late
    ):
        report = make_report(
            id_agente=agent,
            fecha_hora=f"2026-11-20T{moment}:00Z",
            procesos=processes,
            usuarios_activos=users,
            hostname=f"history-{agent[:4]}",
            pid_agente=None,
        )
        assert collector.post(report).status_code == 201
    return agent


def state(collector: CollectorProcess, agent: str, at: str) -> dict[str, Any]:
    answer = collector.get(f"/agentes/{agent}/estado", params={"en": at})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_works(shared_collector: CollectorProcess) -> None:
    agent = post_days(shared_collector)
    found = state(shared_collector, agent, "2026-11-20T10:15:00Z")
    assert found["en"] == "2026-11-20T10:15:00.000+00:00"
    assert found["reporte_anterior"]["momento"] == "2026-11-20T10:10:00.000+00:00"
    assert found["reporte_siguiente"]["momento"] == "2026-11-20T10:20:00.000+00:00"
    assert found["procesos"] == [
        {"pid": 1, "name": "systemd", "username": "root", "desde": "2026-11-20T10:00:00.000+00:00"},
        {
            "pid": 7,
            "name": "nginx",
            "username": "www-data",
            "inicio": "2026-11-20T09:59:00.000+00:00",
            "desde": "2026-11-20T10:10:00.000+00:00",
        },
    ]
    assert [item["name"] for item in found["usuarios_activos"]] == ["ana"]
    assert found["sistema"]["hostname"] == f"history-{agent[:4]}"


def test_gap_in_the_reports_is_shown(shared_collector: CollectorProcess) -> None:
    agent = post_days(shared_collector)
    found = state(shared_collector, agent, "2026-11-20 11:00")
    assert found["reporte_anterior"]["fecha_hora"] == "2026-11-20T10:20:00.000000+00:00"
    assert found["reporte_siguiente"]["fecha_hora"] == "2026-11-20T12:00:00.000000+00:00"
    assert [item["pid"] for item in found["procesos"]] == [1, 7, 7]


def test_before_the_first_report_nothing_is_known(shared_collector: CollectorProcess) -> None:
    agent = post_days(shared_collector)
    found = state(shared_collector, agent, "2026-11-20T09:00:00+00:00")
    assert found["reporte_anterior"] is None
    assert found["procesos"] == []
    assert found["sistema"] == {}


def test_now_is_what_the_latest_report_says(shared_collector: CollectorProcess) -> None:
    agent = post_days(shared_collector)
    found = shared_collector.get(f"/agentes/{agent}/estado").json()
    assert [item["name"] for item in found["procesos"]] == ["systemd"]
    assert found["reporte_siguiente"] is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/agentes/{NOBODY}/estado", 404),
        ("/agentes/nadie/estado", 404),
        (f"/agentes/{NOBODY}/estado?en=ayer", 400),
        (f"/agentes/{NOBODY}/estado?en=2026-13-01T00:00", 400),
        (f"/agentes/{NOBODY}/estado?cuando=2026-11-20T10:00", 400),
        ("/cambios?desde=0", 400),
        ("/cambios?despues=1", 400),
        ("/cambios?despues=1.2", 400),
        ("/cambios?tipo=empieza", 400),
        ("/cambios?campo=processo", 400),
        ("/cambios?despues=9999999999999999999999.1", 400),
        ("/cambios?limite=0", 400),
        ("/cambios?nombr=x", 400),
    ],
)
def test_wrong_request_is_refused(
    shared_collector: CollectorProcess, path: str, status: int
) -> None:
    answer = shared_collector.get(path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_plus_that_became_a_space_is_explained(shared_collector: CollectorProcess) -> None:
    path = f"/agentes/{NOBODY}/estado?en=2026-11-20T10:00:00"
    assert "%2B" in shared_collector.get(f"{path}+01:00").json()["detail"]
    assert "%2B" not in shared_collector.get(f"{path}X").json()["detail"]
    assert shared_collector.get(f"{path}%2B01:00").status_code == 404


def events(collector: CollectorProcess, **filters: str) -> list[tuple[str, str, str]]:
    """Follow the pages to the end; (time of day, kind, name) of each change."""
    path, found = "/cambios", []
    while path:
        answer = collector.get(path, params=filters)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["cambios"]) <= int(filters.get("limite", 100))
        found += [
            (change["momento"][11:16], change["tipo"], change["nombre"])
            for change in answer.json()["cambios"]
        ]
        path, filters = answer.links.get("next", {}).get("url", ""), {}
    return found


NGINX = [
    ("12:00", "termina", "nginx"),
    ("10:20", "termina", "nginx"),  # it runs twice from here on
    ("10:20", "inicia", "nginx"),
    ("10:10", "inicia", "nginx"),
]


@pytest.mark.parametrize("limit", ["1", "2", "3", "100"])
def test_changes_are_listed_newest_first(shared_collector: CollectorProcess, limit: str) -> None:
    agent = post_days(shared_collector)
    found = events(shared_collector, agente=agent, campo="procesos", limite=limit)
    assert found == [*NGINX, ("10:00", "inicia", "systemd")]


@pytest.fixture(scope="module")
def moment(new_shared_collector: NewCollector) -> CollectorProcess:
    """A collector of three servers, whose only changes are those of one moment."""
    collector = new_shared_collector().start()
    for number in range(3):
        processes = [{"pid": pid, "name": f"p{number}"} for pid in range(40)]
        report = make_report(procesos=processes, pid_agente=7)
        assert collector.post(report).status_code == 201
    return collector


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_cut_a_moment_anywhere(moment: CollectorProcess, limit: int) -> None:
    found = events(moment, campo="procesos", limite=str(limit))
    assert len(found) == 3 * 39  # but for the agents' own
    assert {name: [item[2] for item in found].count(name) for name in ("p0", "p1", "p2")} == {
        "p0": 39,
        "p1": 39,
        "p2": 39,
    }


@pytest.fixture(scope="module")
def days(new_shared_collector: NewCollector) -> tuple[CollectorProcess, str]:
    """A collector of one server alone, and its identity."""
    collector = new_shared_collector().start()
    return collector, post_days(collector)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"nombre": "nginx"}, NGINX),
        ({"usuario": "www-data"}, NGINX),
        ({"nombre": "nginx", "tipo": "inicia"}, NGINX[2:]),
        ({"campo": "usuarios_activos"}, [("10:20", "termina", "ana"), ("10:10", "inicia", "ana")]),
        ({"nombre": "nginx", "desde": "2026-11-20T10:20Z"}, NGINX[:3]),
        ({"nombre": "nginx", "hasta": "2026-11-20T10:20Z"}, NGINX[3:]),
        ({"nombre": "nadie"}, []),
    ],
)
def test_changes_are_narrowed(
    days: tuple[CollectorProcess, str],
    filters: dict[str, str],
    expected: list[tuple[str, str, str]],
) -> None:
    collector, agent = days
    assert events(collector, agente=agent, **filters) == expected
    assert events(collector, **filters) == expected


def test_changes_of_an_unknown_agent_are_none(shared_collector: CollectorProcess) -> None:
    assert events(shared_collector, agente=str(uuid.uuid4())) == []
