"""Alerts in words: what agents sent makes no line, link or mention of its own."""

from typing import Any

import pytest

from API.app.alerts.words import plain, say_plainly, summary

HOSTILE = "a\r\nBcc: todos@example.net <!channel> [x](http://mal.example) @everyone `rm` \u202egnp"


def group(total: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "estado": "abierta", "tipo": "incumplimiento", "severidad": "critica",
        "politica": "mineros", "titulo": "No hay mineros", "remedio": "Aísle\nel servidor.",
        "total": total, **changes,
    }  # fmt: skip


def alert(name: str | None = "web-1", **changes: Any) -> dict[str, Any]:
    return {
        "estado": "abierta", "tipo": "incumplimiento", "severidad": "critica",
        "politica": "mineros", "id_agente": "0000", "hostname": name, "ipaddress": "10.0.0.1",
        "desde": "2026-11-20T10:00:00.000+00:00", "resuelta": "2026-11-20T11:00:00.000+00:00",
        "resolucion": None, "evidencia": [{"pid": 7, "name": "xmrig"}], "evidencia_omitida": 0,
        "enlace": None, **changes,
    }  # fmt: skip


def document(groups: list[Any], alerts: list[Any]) -> dict[str, Any]:
    total = sum(each["total"] for each in groups)
    return {"resumen": summary(groups, alerts), "enlace": None, "grupos": groups,
            "alertas": alerts, "total": total}  # fmt: skip


def test_one_alert_says_what_where_since_when_and_what_to_do() -> None:
    said = say_plainly(document([group()], [alert()]), 10_000)
    assert said.title == "CRÍTICA: web-1 no cumple: No hay mineros"
    assert said.open
    assert said.body.splitlines() == [
        "- web-1 (10.0.0.1), desde 2026-11-20 10:00 UTC",
        "    pid 7, name xmrig",
        "Remedio: Aísle el servidor.",
        "",
        "Todas: GET /alertas",
    ]


@pytest.mark.parametrize(
    ("changes", "one", "many"),
    [
        ({"tipo": "silencio", "severidad": "alta"}, "ALTA: web-1 dejó de reportar",
         "ALTA: 3 servidores dejaron de reportar"),
        ({"tipo": "silencio", "estado": "resuelta"}, "Resuelto: web-1 vuelve a reportar",
         "Resuelto: 3 servidores vuelven a reportar"),
        ({"estado": "resuelta", "resolucion": "excepcion"},
         "Resuelto: web-1: No hay mineros (exceptuado)", "Resuelto: 3 servidores: No hay mineros"),
        ({"tipo": "servidor_nuevo", "severidad": "baja"}, "BAJA: web-1: servidor nuevo",
         "BAJA: 3 servidores: servidores nuevos"),
        ({"tipo": "regreso", "severidad": "media"},
         "MEDIA: web-1: estaba retirado y vuelve a reportar",
         "MEDIA: 3 servidores: estaban retirados y vuelven a reportar"),
    ],
)  # fmt: skip
def test_titles(changes: dict[str, Any], one: str, many: str) -> None:
    own = {name: changes[name] for name in changes if name != "resolucion"}
    assert summary([group(**own)], [alert(**changes)]) == one
    assert summary([group(3, **own)], [alert(**changes)] * 3) == many


def test_a_mixture_is_counted_and_led_by_the_worst() -> None:
    groups = [group(2), group(1, severidad="baja", titulo="Otra"), group(4, estado="resuelta")]
    said = say_plainly(document(groups, []), 10_000)
    assert said.title == "CRÍTICA: 3 alertas, 4 resueltas; 2 servidores no cumplen: No hay mineros"
    assert "BAJA: 1 servidor no cumple: Otra" in said.body.splitlines()


def test_hostile_names_make_nothing_of_their_own() -> None:
    hostile = alert(HOSTILE, ipaddress=HOSTILE, evidencia=[{HOSTILE: HOSTILE}, HOSTILE])
    said = say_plainly(document([group()], [hostile]), 10_000)
    for text in (said.title, *said.body.splitlines()):
        assert not set(text) & set("\r\n<>@[]`\u202e")
        assert "://" not in text
    assert len(said.body.splitlines()) == 6
    assert "\\r\\nBcc" in said.title


def test_names_are_cut() -> None:
    assert plain("x" * 5_000, 80) == "x" * 79 + "…"
    assert len(summary([group()], [alert("x" * 5_000)])) <= 160


@pytest.mark.parametrize("room", [160, 4_096, 32_768])
def test_text_fits_into_what_there_is_room_for(room: int) -> None:
    alerts = [alert(f"web-{n}", evidencia=[{"name": "x" * 400}] * 5) for n in range(200)]
    said = say_plainly(document([group(5_000)], alerts), room)
    assert len(said.body) < room
    assert said.body.endswith("Todas: GET /alertas")
    if room > 10_000:
        assert "- y 4970 más" in said.body
