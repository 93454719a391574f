"""The page of one server: what is there, what was, and what differs; gaps are shown."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, make_report, wait_until

SERVER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=20)
MINER = {"pid": 6660, "name": "xmrig", "username": "juan"}
HOSTILE = {
    "pid": 70,
    "name": "<img src=x onerror=document.title='broken'>",
    "username": "a\u202eb\u2028c\x85",
}
SYSTEMD = {"pid": 1, "name": "systemd", "username": "root"}
VIEWS = ("resumen", "procesos", "sesiones", "cumplimiento", "cambios", "reportes", "diferencias")


def at(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


def moment(hours: float) -> str:
    return f"{NOON + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module", autouse=True)
def history(shared_collector: CollectorProcess) -> None:
    """A report an hour, none from 6 to 12; a miner from 14 on, juan is logged in until 15."""
    for hour in [*range(7), *range(12, 20)]:
        processes = [SYSTEMD, HOSTILE, *([MINER] if hour >= 14 else [])]
        sessions = [{"pid": 829, "name": "juan"}] if hour < 15 else []
        report = make_report(
            id_agente=SERVER, hostname="web-01", fecha_hora=at(hour).isoformat(), intervalo=3600,
            procesos=processes, usuarios_activos=sessions,
            nucleo="6.1.0-28" if hour < 16 else "6.1.0-30",
        )  # fmt: skip
        assert shared_collector.post(report).ok
    shared_collector.post(make_report(id_agente=OTHER, hostname="otro"))
    judged = """SELECT 1 FROM avance
        WHERE que = 'juzgado' AND hasta >= (SELECT max(id_serv) FROM servers)"""
    wait_until(lambda: shared_collector.rows(judged), "the reports are not judged")


@pytest.fixture
def page(visitor: Visitor) -> Page:
    found = visitor.page()
    found.goto(address(visitor))
    return found


def address(visitor: Visitor, query: str = "") -> str:
    return f"{visitor.collector.url}/consola/servidores/{SERVER}{query}"


def view(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Vistas").get_by_role("link", name=name).click()
    expect(page.locator("nav.views [aria-current]")).to_have_text(name)


def test_going_back_to_before_a_forbidden_process(page: Page) -> None:
    miner = page.locator("#server").get_by_text("No mina criptomonedas")
    expect(miner).to_be_visible()
    view(page, "Procesos")
    row = page.locator("tbody tr", has_text="xmrig")
    expect(row).to_contain_text("juan")
    page.get_by_label(re.compile("Fecha y hora")).fill(f"{at(13):%Y-%m-%dT%H:%M}:30")
    page.get_by_role("button", name="Ir", exact=True).click()
    expect(page.locator(".moment .shown")).to_contain_text("En el pasado")
    expect(page).to_have_url(re.compile(f"en={at(13):%Y-%m-%d}"))
    expect(row).to_have_count(0)
    view(page, "Resumen")
    expect(miner).to_have_count(0)
    page.get_by_role("link", name="Cambio siguiente").click()
    expect(miner).to_be_visible()
    page.get_by_role("link", name="Volver a ahora").click()
    expect(page.locator(".moment .shown")).to_contain_text("Ahora")


def test_slider_moves_everything_and_stands_in_the_address(page: Page) -> None:
    slider = page.get_by_label("Mover en el tiempo")
    slider.focus()
    slider.press("Home")
    expect(page).to_have_url(re.compile("en=20"))
    expect(page.locator(".shown time").first).to_have_attribute(
        "datetime", f"{at(0):%Y-%m-%dT%H:%M:%S}+00:00"
    )
    expect(page.locator("#server")).to_contain_text("1 sesión")


def test_gap_between_reports_is_told(page: Page, visitor: Visitor) -> None:
    page.goto(address(visitor, f"?ver=cambios&en={moment(9)}"))
    expect(page.locator(".notice.gap")).to_contain_text("Sin reportes entre")
    times = page.locator(".notice.gap time")
    expect(times.first).to_have_attribute("datetime", re.compile(f"T{at(6):%H:%M}"))
    expect(times.last).to_have_attribute("datetime", re.compile(f"T{at(12):%H:%M}"))
    expect(page.locator(".timeline .gap")).to_have_count(1)


def test_what_differs_between_two_moments(page: Page, visitor: Visitor) -> None:
    page.goto(address(visitor, f"?ver=diferencias&en={moment(17)}&contra={moment(13)}"))
    table = page.locator("tbody")
    expect(table.locator("tr", has_text="xmrig")).to_contain_text("Empezó")
    expect(table.locator("tr", has_text="Sesión juan")).to_contain_text("Terminó")
    expect(table.locator("tr", has_text="Núcleo")).to_contain_text("6.1.0-28")
    expect(table.locator("tr", has_text="No mina")).to_contain_text("No cumple")


def test_new_report_appears_by_itself(visitor: Visitor, page: Page) -> None:
    view(page, "Sesiones")
    processes = [SYSTEMD, HOSTILE, MINER]
    people = [{"pid": 99, "name": "recien-llegada"}]
    visitor.collector.post(make_report(
        id_agente=SERVER, hostname="web-01", intervalo=3600, procesos=processes,
        usuarios_activos=people, fecha_hora=datetime.now(UTC).isoformat(), nucleo="6.1.0-30",
    ))  # fmt: skip
    expect(page.locator("tbody tr", has_text="recien-llegada")).to_be_visible()


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_accessible_and_hostile_names_are_text(
    page: Page, visitor: Visitor, name: str
) -> None:
    page.goto(address(visitor, f"?ver={name}&contra={moment(3)}"))
    expect(page.locator("nav.views [aria-current]")).to_be_visible()
    assert_accessible(page)
    assert page.locator("#server img").count() == 0
    assert "broken" not in page.title()
    if name == "procesos":
        expect(page.locator("#server")).to_contain_text(r"a\u202eb\u2028c")
    if name == "reportes":
        assert HOSTILE in json.loads(page.locator("#report").inner_text())["procesos"]


def test_without_a_script_all_of_it_reads(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(address(visitor, "?ver=procesos"))
    page.get_by_label(re.compile("Fecha y hora")).fill(f"{at(13):%Y-%m-%dT%H:%M}:30")
    page.get_by_role("button", name="Ir", exact=True).click()
    expect(page.locator(".shown time").first).to_have_text(f"{at(13):%Y-%m-%d %H:%M} UTC")
    expect(page.locator("tbody tr", has_text="xmrig")).to_have_count(0)
    page.get_by_role("link", name="Reportes").click()
    expect(page.locator("pre")).to_contain_text('"hostname": "web-01"')


def test_report_of_another_server_is_not_shown(page: Page, visitor: Visitor) -> None:
    [other] = visitor.collector.rows("SELECT id_serv FROM agentes WHERE id_agente = ?", OTHER)
    page.goto(address(visitor, f"?ver=reportes&reporte={other['id_serv']}"))
    expect(page.locator("[data-empty=no-match]")).to_contain_text("no queda ningún reporte")


def test_before_anything_was_known(page: Page, visitor: Visitor) -> None:
    page.goto(address(visitor, "?en=2001-01-01T00:00:00Z"))
    expect(page.locator("[data-empty=none-yet]")).to_contain_text("no se sabía nada")
