"""Alerts, over HTTP: what is open, since when, and how it ended."""

from typing import Any

import pytest

from tests.conftest import CollectorProcess, NewCollector, make_report, wait_until

AGENTS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
MINER = {"pid": 7, "name": "xmrig", "username": "www-data"}


@pytest.fixture(scope="module")
def alerted(new_shared_collector: NewCollector) -> CollectorProcess:
    """Three servers that mine; the first one stops."""
    collector = new_shared_collector().start()
    for number, agent in enumerate(AGENTS):
        collector.post(report(agent, 9, hostname=f"web-{number}", procesos=[MINER]))
    wait_until(lambda: len(get(collector, "?politica=mineros&estado=abierta")["alertas"]) == 3,
               "three alerts")  # fmt: skip
    collector.post(report(AGENTS[0], 10, hostname="web-0", procesos=[]))
    wait_until(
        lambda: get(collector, "?politica=mineros&estado=resuelta")["alertas"], "one is over"
    )
    wait_until(lambda: len(get(collector, "?tipo=servidor_nuevo")["alertas"]) == 3, "new servers")
    return collector


def report(agent: str, hour: int, **fields: Any) -> dict[str, Any]:
    return make_report(id_agente=agent, fecha_hora=f"2026-11-20T{hour:02}:00:00Z", **fields)


def get(collector: CollectorProcess, query: str = "", status: int = 200) -> Any:
    answer = collector.get(f"/alertas{query}")
    assert answer.status_code == status, answer.text
    return answer.json()


def test_alerts_say_of_whom_since_when_why_and_how_they_ended(alerted: CollectorProcess) -> None:
    [row] = get(alerted, f"?politica=mineros&agente={AGENTS[0]}")["alertas"]
    assert (row["tipo"], row["severidad"], row["hostname"]) == (
        "incumplimiento", "critica", "web-0"
    )  # fmt: skip
    assert (row["estado"], row["resolucion"]) == ("resuelta", "cumple")
    assert row["desde"] == "2026-11-20T09:00:00.000+00:00"
    assert row["evidencia"] == [MINER]
    assert row["avisos"] == []  # nobody is told: there is no file of channels


def test_the_open_ones_are_counted_and_nothing_waits(alerted: CollectorProcess) -> None:
    answer = get(alerted)
    assert answer["abiertas"]["critica"] == 2
    assert list(answer["abiertas"]) == ["critica", "alta", "media", "baja"]
    assert answer["por_entregar"] == []


def test_pages_give_each_alert_once_newest_first(alerted: CollectorProcess) -> None:
    everything = [row["id_alerta"] for row in get(alerted, "?limite=1000")["alertas"]]
    seen, path = [], "/alertas?limite=2"
    while path:
        answer = alerted.get(path)
        seen += [row["id_alerta"] for row in answer.json()["alertas"]]
        link = answer.headers.get("Link")
        path = link.partition("<")[2].partition(">")[0] if link else ""
    assert seen == everything == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?severidad=critica&estado=abierta&limite=1000", 2),
        ("?tipo=servidor_nuevo", 3),
        ("?tipo=clon", 0),
        ("?politica=mineros&etiqueta=entorno:produccion", 0),
        ("?mensaje=no-hay", 0),
    ],
)
def test_filters(alerted: CollectorProcess, query: str, count: int) -> None:
    assert len(get(alerted, query)["alertas"]) == count


@pytest.mark.parametrize(
    "query", ["?tipo=ruido", "?estado=rota", "?severidad=9", "?despues=x", "?despues=" + "9" * 19,
              "?limite=0", "?otra=1"],
)  # fmt: skip
def test_wrong_parameters_are_refused(alerted: CollectorProcess, query: str) -> None:
    assert get(alerted, query, 400)["status"] == 400
