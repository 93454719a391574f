"""What the policies say, over HTTP: now, then, by page, with a score."""

from typing import Any

import pytest

from tests.conftest import CollectorProcess, NewCollector, make_report, wait_until

AGENTS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
MINER = {"pid": 7, "name": "xmrig", "username": "www-data"}


@pytest.fixture(scope="module")
def judged(new_shared_collector: NewCollector) -> CollectorProcess:
    """Three servers; the last one mined for an hour, the first one does."""
    collector = new_shared_collector().start()
    for hour in (9, 10, 11):
        for number, agent in enumerate(AGENTS):
            mines = (number, hour) in ((0, 11), (2, 10))
            report = make_report(id_agente=agent, hostname=f"web-{number}",
                                 fecha_hora=f"2026-11-20T{hour:02}:00:00Z",
                                 procesos=[MINER] if mines else [],
                                 errores={"usuarios_activos": "no"} if number == 1 else {},
                                 usuarios_activos=[])  # fmt: skip
            assert collector.post(report).status_code == 201
    wait_until(lambda: get(collector, "/cumplimiento")["atraso"]["reportes"] == 0, "all judged")
    return collector


def get(collector: CollectorProcess, path: str, status: int = 200) -> Any:
    answer = collector.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_verdicts_come_with_evidence_and_since_when(judged: CollectorProcess) -> None:
    [row] = get(judged, "/cumplimiento?politica=mineros&veredicto=no_cumple")["cumplimiento"]
    assert (row["id_agente"], row["hostname"], row["severidad"]) == (AGENTS[0], "web-0", "critica")
    assert row["evidencia"] == [MINER | {}]
    assert (row["desde"], row["hasta"]) == ("2026-11-20T11:00:00.000+00:00", None)


def test_the_past_is_as_it_was(judged: CollectorProcess) -> None:
    path = "/cumplimiento?politica=mineros&veredicto=no_cumple&en=2026-11-20T10:30:00Z"
    [row] = get(judged, path)["cumplimiento"]
    assert row["id_agente"] == AGENTS[2]
    assert row["hasta"] == "2026-11-20T11:00:00.000+00:00"
    before = get(judged, "/cumplimiento?politica=mineros&en=2026-11-20T08:00:00Z")
    assert (before["puntaje"], before["cumplimiento"]) == (None, [])


def test_the_score_leaves_out_what_could_not_be_told(judged: CollectorProcess) -> None:
    found = get(judged, "/cumplimiento?politica=sesion-de-root")
    assert (found["puntaje"], found["cumple"], found["sin_datos"]) == (1.0, 2, 1)
    found = get(judged, "/cumplimiento?politica=mineros")
    assert (found["puntaje"], found["cumple"], found["no_cumple"]) == (0.6667, 2, 1)
    [lost] = get(judged, "/cumplimiento?veredicto=sin_datos&politica=sesion-de-root")[
        "cumplimiento"
    ]
    assert lost["razon"] == "usuarios_activos: no"


def test_pages_give_everything_once(judged: CollectorProcess) -> None:
    whole = get(judged, "/cumplimiento?severidad=alta&limite=1000")["cumplimiento"]
    path, pages = "/cumplimiento?severidad=alta&limite=7", []
    while path:
        answer = judged.get(path)
        pages += answer.json()["cumplimiento"]
        path = answer.links.get("next", {}).get("url", "")
    assert pages == whole
    assert len(whole) > 20


def test_policies_are_listed_with_how_the_fleet_stands(judged: CollectorProcess) -> None:
    listed = get(judged, "/politicas")["politicas"]
    assert listed[0]["severidad"] == "critica"
    [mining] = [each for each in listed if each["id"] == "mineros"]
    assert (mining["cumple"], mining["no_cumple"], mining["por_juzgar"]) == (2, 1, 0)
    shown = get(judged, "/politicas/mineros")
    assert "xmrig" in shown["politica"]["consulta"]
    assert [row["hostname"] for row in shown["incumplen"]] == ["web-0"]
    get(judged, "/politicas/otra", 404)


def test_a_server_is_shown_whole(judged: CollectorProcess) -> None:
    found = get(judged, f"/agentes/{AGENTS[1]}/cumplimiento")
    assert {row["id_agente"] for row in found["cumplimiento"]} == {AGENTS[1]}
    assert found["sin_datos"] >= 1
    get(judged, "/agentes/00000000-0000-4000-8000-000000000009/cumplimiento", 404)


@pytest.mark.parametrize(
    "query", ["veredicto=mal", "severidad=x", "en=ayer", "limite=0", "despues=x", "otro=1"]
)
def test_wrong_parameters_are_refused(judged: CollectorProcess, query: str) -> None:
    get(judged, f"/cumplimiento?{query}", 400)


def test_labels_narrow_it_down(judged: CollectorProcess) -> None:
    assert get(judged, "/cumplimiento?etiqueta=entorno:produccion")["cumplimiento"] == []


def test_scores_stand_side_by_side_the_worst_first(judged: CollectorProcess) -> None:
    found = get(judged, "/cumplimiento/puntajes?severidad=critica&limite=2")
    assert found["puntajes"][0]["hostname"] == "web-0"
    assert found["flota"] == {
        name: value
        for name, value in get(judged, "/cumplimiento?severidad=critica").items()
        if name in found["flota"]
    }
    first = judged.get("/cumplimiento/puntajes?severidad=critica&limite=2")
    rest = judged.get(first.links["next"]["url"]).json()
    assert len(rest["puntajes"]) == 1
    assert get(judged, "/cumplimiento/puntajes?por=etiqueta")["puntajes"] == []
    [mining] = get(judged, "/cumplimiento/puntajes?por=politica&politica=mineros")["puntajes"]
    assert (mining["politica"], mining["puntaje"]) == ("mineros", 0.6667)


@pytest.mark.parametrize("query", ["por=mes", "despues=-1", "limite=x", "agente=x"])
def test_wrong_parameters_of_scores_are_refused(judged: CollectorProcess, query: str) -> None:
    get(judged, f"/cumplimiento/puntajes?{query}", 400)
