"""The agents: found by what is out of the ordinary, paused, revoked, labelled, enrolled."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from API.app.accounts.roles import Role
from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, make_report

SERVER = "33333333-3333-4333-8333-333333333333"
OFF = "44444444-4444-4444-8444-444444444444"


@pytest.fixture(scope="module", autouse=True)
def agents(shared_collector: CollectorProcess) -> None:
    """One that is as it should be, one whose clock is off, and one whose name means harm."""
    now = datetime.now(UTC)
    hostile = "<img src=x onerror=document.title='broken'>"
    for identity, name, moment in (
        (SERVER, "web-01", now),
        (OFF, "reloj-roto", now - timedelta(minutes=20)),
        (None, hostile, now),
    ):
        own = {"id_agente": identity} if identity else {}
        report = make_report(hostname=name, fecha_hora=moment.isoformat(), **own)
        assert shared_collector.post(report).ok


def test_pausing_an_agent(visitor: Visitor) -> None:
    page = visitor.page(Role.OPERADOR)
    page.goto(f"{visitor.collector.url}/consola/agentes")
    page.get_by_role("link", name="web-01").click()
    expect(page.get_by_role("button", name="Revocar")).to_have_count(0)
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_role("status")).to_contain_text("Hecho")
    expect(page.locator(".pairs")).to_contain_text("Pausado")
    assert visitor.collector.post(make_report(id_agente=SERVER)).status_code == 503
    page.get_by_role("button", name="Reanudar").click()
    expect(page.locator(".pairs")).not_to_contain_text("Pausado")
    assert visitor.collector.post(make_report(id_agente=SERVER, hostname="web-01")).ok
    done = "SELECT accion FROM auditoria WHERE objeto = ? ORDER BY id_auditoria"
    found = [row["accion"] for row in visitor.collector.rows(done, SERVER)]
    assert found == ["agente.pausar", "agente.reanudar"]


def test_revoking_is_confirmed_without_a_script_too(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/agentes/{OFF}")
    page.get_by_role("button", name="Revocar").click()  # the browser asks for the box
    expect(page.locator(".pairs")).not_to_contain_text("Revocado")
    box = page.locator("form", has=page.get_by_role("button", name="Revocar"))
    box.get_by_role("checkbox").check()
    box.get_by_role("button").click()
    expect(page.locator(".pairs")).to_contain_text("Revocado")
    expect(page.locator("table")).to_contain_text("agente.revocar")
    page.get_by_role("button", name="Reanudar").click()
    expect(page.locator(".pairs")).not_to_contain_text("Revocado")


def test_found_by_what_is_out_of_the_ordinary(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/agentes")
    assert_accessible(page)
    page.get_by_role("link", name=re.compile("Reloj fuera de hora")).click()
    expect(page).to_have_url(re.compile("aviso=reloj"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("s atrasado")
    page.get_by_role("searchbox").fill("nadie")
    expect(page.locator("[data-empty=no-match]")).to_contain_text("Ningún agente coincide")
    assert "broken" not in page.title()


def test_labels_are_given_and_seen(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/agentes/{SERVER}")
    assert_accessible(page)
    for wrong in ("sin valor", "a:b=c"):
        page.locator("#labels").fill(f"entorno=produccion\n{wrong}")
        page.get_by_role("button", name="Guardar").click()
        expect(page.get_by_role("status")).to_contain_text(f"'{wrong}' no es clave=valor")
        expect(page.locator("#labels")).to_have_value(f"entorno=produccion\n{wrong}")
    page.locator("#labels").fill("entorno=produccion")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("status")).to_contain_text("guardadas")
    page.goto(f"{visitor.collector.url}/consola/agentes")
    expect(page.locator("tbody tr", has_text="web-01")).to_contain_text("entorno:produccion")


def test_secret_is_shown_once(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/agentes")
    page.get_by_role("link", name="Dar de alta servidores").click()
    page.get_by_label("Redes").fill("10.20.0.0/16")
    page.get_by_role("button", name="Hacer otro secreto").click()
    expect(page.locator("#line")).to_contain_text("COMPLIANCE_API_ALTA=alta_")
    expect(page.locator("#main")).to_contain_text("desde 10.20.0.0/16")
    assert_accessible(page)
    page.goto(f"{visitor.collector.url}/consola/agentes/alta")
    expect(page.locator("#line")).to_have_count(0)
