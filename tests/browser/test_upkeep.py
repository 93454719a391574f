"""Alerts and what waits to be told, the audit trail, and the settings."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from API.app.accounts.roles import Role
from tests.api.people import make_account, make_session
from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, NewCollector, free_port, make_report, wait_until

FILE = """
espera: 0
canales:
  - nombre: guardia
    webhook: http://127.0.0.1:{port}/avisos?token=no-se-muestra
    secreto_archivo: {secret}
reglas:
  - canales: [guardia]
    severidad: critica
"""
MINER = {"pid": 6660, "name": "xmrig", "username": "<b>juan</b>"}


@pytest.fixture(scope="module")
def shared_collector(
    tmp_path_factory: pytest.TempPathFactory, new_shared_collector: NewCollector
) -> CollectorProcess:
    """One that tells of alerts, by a channel where nobody answers."""
    folder = tmp_path_factory.mktemp("alerts")
    secret = folder / "secreto"
    secret.write_text("whsec_" + "A" * 43 + "=")
    secret.chmod(0o600)
    file = folder / "alertas.yaml"
    file.write_text(FILE.format(port=free_port(), secret=secret))
    made = new_shared_collector("--alertas", str(file))
    return made.start(env={"PATH": "/usr/bin:/bin", "COMPLIANCE_LIMITES_COLA": "400"})


@pytest.fixture(scope="module", autouse=True)
def miner(shared_collector: CollectorProcess) -> None:
    """A server that is clean, and then fails a policy of critical severity."""
    identity = str(uuid.uuid4())
    for processes in ([], [MINER]):
        report = make_report(id_agente=identity, hostname="web-01", procesos=processes)
        assert shared_collector.post(report).ok
    failed = "SELECT 1 FROM mensajes WHERE intentos > 0"
    wait_until(lambda: shared_collector.rows(failed), "nobody is told")


def test_alerts_and_what_waits_and_why(visitor: Visitor) -> None:
    page = visitor.page(Role.OPERADOR)
    page.goto(f"{visitor.collector.url}/consola/alertas")
    waiting = page.locator("section", has=page.get_by_role("heading", name="Por entregar"))
    expect(waiting).to_contain_text("guardia")
    expect(waiting).to_contain_text("http://127.0.0.1")
    rules = page.locator("section", has=page.get_by_role("heading", name="Canales y reglas"))
    expect(rules).to_contain_text("Crítica o más grave")
    assert "no-se-muestra" not in page.content()
    page.get_by_label("Severidad").select_option("critica")
    expect(page).to_have_url(re.compile("severidad=critica"))
    rows = page.locator("section", has=page.locator("#h-alerts")).locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("No mina criptomonedas")
    expect(rows).to_contain_text("espera")
    rows.locator("summary").click()
    expect(rows).to_contain_text("<b>juan</b>")
    assert_accessible(page)
    page.get_by_role("button", name="Reintentar ahora").click()
    expect(page.get_by_role("status")).to_contain_text("Se vuelve a intentar")
    page.get_by_label("Clase").select_option("clon")
    expect(page.locator("[data-empty=no-match]")).to_contain_text("Ninguna alerta coincide")


def test_a_message_leads_to_its_alerts(visitor: Visitor) -> None:
    page = visitor.page(Role.LECTOR)
    [message, *_] = visitor.collector.rows("SELECT clave FROM mensajes")
    page.goto(f"{visitor.collector.url}/consola/alertas?mensaje={message['clave']}")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("No mina criptomonedas")
    assert_accessible(page)
    page.goto(f"{visitor.collector.url}/consola/alertas?mensaje=no-hay")
    expect(page.locator("[data-empty=no-match]")).to_be_visible()
    page.get_by_role("link", name="Ver todas").click()
    expect(page.get_by_role("heading", name="Por entregar")).to_be_visible()


def test_audit_trail_is_narrowed_and_has_pages(visitor: Visitor) -> None:
    page = visitor.page()
    account = make_account(visitor.collector, "entra-mucho")
    for _ in range(51):
        make_session(visitor.collector, account)
    page.goto(f"{visitor.collector.url}/consola/auditoria")
    expect(page.locator("tbody tr")).to_have_count(50)
    assert_accessible(page)
    page.get_by_role("link", name="Más antiguos").click()
    expect(page).to_have_url(re.compile("antes="))
    page.get_by_label("Qué hizo").select_option("secreto.rotar")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("A qué").fill("nadie")
    expect(page.locator("[data-empty=no-match]")).to_contain_text("Nada de la auditoría")


def test_settings_say_where_each_came_from(visitor: Visitor) -> None:
    page = visitor.page(locale="en-GB")
    page.goto(f"{visitor.collector.url}/consola/ajustes")
    row = page.locator("tbody tr")
    queue = row.filter(has=page.get_by_text("cola", exact=True))
    expect(queue).to_contain_text("400")
    expect(queue).to_contain_text("COMPLIANCE_LIMITES_COLA")
    expect(queue).to_contain_text("reports that may wait to be stored")
    expect(row.filter(has=page.get_by_text("puerto", exact=True))).to_contain_text("option")
    expect(row.filter(has=page.get_by_text("hilos", exact=True))).to_contain_text("default")
    assert_accessible(page)


def test_readers_see_alerts_but_neither_trail_nor_settings(visitor: Visitor) -> None:
    page = visitor.page(Role.LECTOR)
    page.goto(f"{visitor.collector.url}/consola/alertas")
    expect(page.get_by_role("button", name="Reintentar")).to_have_count(0)
    navigation = page.get_by_role("navigation", name="Secciones")
    expect(navigation.get_by_role("link", name="Alertas")).to_be_visible()
    expect(navigation.get_by_role("link", name="Auditoría")).to_have_count(0)
    expect(navigation.get_by_role("link", name="Ajustes")).to_have_count(0)
