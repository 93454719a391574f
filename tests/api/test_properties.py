"""Any valid report is stored and read back equal; any other is refused and leaves nothing."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given

from tests.api.test_receive_report import refused
from tests.conftest import CollectorProcess
from tests.strategies import REPORTS, SEED_FIELDS, wrong_reports

TEXTS = ("hostname", "distribucion", "version_distribucion", "nucleo", "id_arranque", "pid_agente")


@given(report=REPORTS)
def test_valid_report_is_read_back_equal(
    shared_collector: CollectorProcess, report: dict[str, Any]
) -> None:
    answer = shared_collector.post(report)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id_serv"]

    shown = shared_collector.get(f"/servers/{number}").json()
    expected = {name: report[name] for name in SEED_FIELDS[:5]}
    expected |= {name: report[name] for name in TEXTS if report.get(name) is not None}
    assert {name: shown.get(name) for name in expected} == expected
    assert datetime.fromisoformat(shown["fecha_hora"]) == in_utc(report["fecha_hora"])
    assert shown.get("errores", {}) == (report.get("errores") or {})
    assert shown["procesos"] == [
        {"pid": item["pid"], "name": item["name"], "username": item.get("username")}
        for item in report["procesos"]
    ]
    assert shown["usuarios_activos"] == [
        {"pid": item.get("pid"), "name": item["name"]} for item in report["usuarios_activos"]
    ]

    last = shared_collector.last_line()
    assert last["id_serv"] == number
    assert last["reporte"] == report


@given(report=wrong_reports())
def test_wrong_report_is_refused_and_leaves_nothing(
    shared_collector: CollectorProcess, report: dict[str, Any]
) -> None:
    problem = refused(shared_collector, json.dumps(report).encode(), 400)
    assert all(reason.startswith("$") for reason in problem["errores"])


def in_utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
