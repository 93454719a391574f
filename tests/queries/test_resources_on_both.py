"""Every resource gives the same on PostgreSQL as on SQLite, over the same rows."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from API.app.controllers.asking import place_after, read_question
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Resource, all_rows, at, page
from tests.queries.lifelike import FIRST_AGENT
from tests.two_databases import Both, assert_same, plain

FILTERS: dict[str, list[dict[str, str]]] = {
    "servers": [
        {"ip": "10.*"}, {"hostname": "*EXAMPLE.net"}, {"so": "debian 12"}, {"so": "linux"},
        {"nucleo": "Ñ_%"}, {"nucleo": "6.1*"}, {"reporte": "1100"}, {"en": "-1"},
        {"etiqueta": "entorno:produccion"}, {"etiqueta": 'rol:a"b:c'}, {"agente": FIRST_AGENT},
        {"agente": "2"},
    ],
    "procesos": [
        {"name": "ssh*"}, {"username": "root", "pid": "1"}, {"name": "ñ*"}, {"hostname": "CI*"},
        {"en": "-1"}, {"reporte": "1100"}, {"name": "*%*"}, {"etiqueta": "rol:web"},
        {"agente": "1", "name": "*d"},
    ],
    "usuarios_activos": [
        {"username": "*a*"}, {"username": "Ñandú"}, {"en": "-1"}, {"hostname": "CI*"},
        {"agente": "1"}, {"reporte": "1150"}, {"etiqueta": "entorno:produccion"},
    ],
    "agentes": [
        *({"situacion": state} for state in ("reportando", "nuevo", "ausente", "revocado")),
        {"estado": "activo"}, {"hostname": "web-*"}, {"ip": "10*"}, {"version_agente": "0.*"},
        {"tiene_token": "si"}, {"tiene_token": "no"}, {"etiqueta": "entorno:pruebas"},
        {"agente": "2"},
    ],
    "cambios": [
        {"campo": "usuarios_activos"}, {"tipo": "inicia", "desde": "-2"}, {"nombre": "sshd"},
        {"nombre": "Ñandú"},
        {"usuario": "deploy", "tipo": "termina"}, {"desde": "-9", "hasta": "-3"},
        {"agente": "1"}, {"agente": "1", "nombre": "cron"}, {"agente": FIRST_AGENT},
        {"campo": "nucleo"}, {"nombre": "python3", "desde": "-12"},
    ],
    "politicas": [{"severidad": "alta"}],
    "cumplimiento": [
        {"agente": "1"}, {"agente": FIRST_AGENT}, {"politica": "politica-2"},
        {"severidad": "critica"}, {"veredicto": "exceptuado"}, {"veredicto": "no_cumple"},
        {"etiqueta": "entorno:produccion"}, {"en": "-9"}, {"en": "-20", "veredicto": "cumple"},
    ],
    "excepciones": [
        {"politica": "politica-1"}, {"agente": "1"}, {"vigente": "si"}, {"vigente": "no"},
    ],
    "alertas": [
        {"agente": "1"}, {"politica": "politica-6"}, {"severidad": "media"}, {"tipo": "clon"},
        {"estado": "abierta"}, {"estado": "resuelta"}, {"etiqueta": "entorno:produccion"},
        {"mensaje": "00000000-0000-4000-8000-000000000002"},
    ],
    "auditoria": [
        {"quien": "ana"}, {"accion": "agente.*"}, {"objeto": FIRST_AGENT},
        {"desde": "-30", "hasta": "-15"},
    ],
}  # fmt: skip
"""By resource. A number in `en`, `desde` and `hasta` means hours from now, in `agente` a server."""

OF_REPORTS = ("servers", "procesos", "usuarios_activos")


@pytest.mark.parametrize("name", RESOURCES)
def test_every_filter(both: Both, name: str) -> None:
    assert tried(both, name) == {each.name for each in RESOURCES[name].filters}


@pytest.mark.parametrize("name", ["servers", "procesos", "cumplimiento"])
def test_who_was_out_of_service_at_a_moment_is_left_out(both: Both, name: str) -> None:
    def found(**given: str) -> set[str]:
        pages = both.ask(walk, both, name, {**given, "campos": "id_agente"})
        return {identity for rows, *_ in pages for (identity,) in rows}

    # It was retired 90 minutes before the last report, and came back 30 minutes later.
    retired, others = both.identity(2), {both.identity(number) for number in (1, 3, 4)}
    for minutes, there in ((100, True), (75, False), (50, True)):
        at = f"{both.now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"
        assert others <= found(en=at)
        assert (retired in found(en=at)) == there
        assert found(en=at, agente=retired) == {retired}


def test_a_name_is_found_as_it_is_written(both: Both) -> None:
    [(rows, *_)] = both.ask(walk, both, "servers", {"nucleo": "Ñ_%", "campos": "nucleo"})
    assert rows == [["Ñ_%"]]


@pytest.mark.parametrize("name", OF_REPORTS)
def test_every_filter_over_views(both_compacto: Both, name: str) -> None:
    assert tried(both_compacto, name) == {each.name for each in RESOURCES[name].filters}


@pytest.mark.parametrize("name", [name for name, each in RESOURCES.items() if not each.pages])
def test_every_order(both: Both, name: str) -> None:
    size = "250" if name == "procesos" else "9"
    for column in RESOURCES[name].columns:
        for sign in ("", "-"):
            both.ask(walk, both, name, {"orden": f"{sign}{column.name}", "limite": size})


@pytest.mark.parametrize("name", RESOURCES)
def test_exports(both: Both, name: str) -> None:
    here, there = (plain(export(engine, RESOURCES[name])) for engine in both[:2])
    assert_same(there, here)


def tried(both: Both, name: str) -> set[str]:
    """Try all filters of a resource; name those with which any rows were found."""
    both.ask(walk, both, name, {})
    found: set[str] = set()
    for given in FILTERS[name]:
        pages = both.ask(walk, both, name, written(both, given))
        if any(rows for rows, *_ in pages):
            found |= given.keys()
    return found


def written(both: Both, given: dict[str, str]) -> dict[str, str]:
    """Write a filter as a user does."""
    found = dict(given)
    for name in ("en", "desde", "hasta"):
        if name in found:
            moment = both.now + timedelta(hours=int(found[name]))
            found[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if given.get("agente", "").isdigit():
        found["agente"] = both.identity(int(given["agente"]))
    return found


def walk(
    connection: Connection, both: Both, name: str, given: dict[str, str]
) -> list[Sequence[Any]]:
    """Give all pages of a question, each as its rows and where it ends."""
    resource, arguments = RESOURCES[name], {"limite": "500", **given}
    pages: list[Sequence[Any]] = []
    while True:
        question = read_question(resource, arguments)
        timed = question._replace(values={**at(both.now), **question.values})
        found = page(connection, resource, timed, question.limit or 0)
        beside = resource.beside(connection, question) if resource.beside and not pages else {}
        pages.append((found.rows, found.end, beside))
        if found.end is None:
            return pages
        arguments = {**arguments, "despues": place_after(question, found.end)}


def export(engine: Engine, resource: Resource) -> Iterator[Any]:
    for found in all_rows(engine, resource, read_question(resource, {}, paged=False)):
        yield from found.rows
