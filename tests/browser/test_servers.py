"""The list of servers: found, narrowed, sorted, sent to a colleague; hostile names are text."""

import re
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, make_report

HOSTILE = {
    "markup": "<img src=x onerror=document.title='broken'>",
    "turned": "abc\u202egpj.exe",
    "long": "x" * 4096,
    "formula": "=cmd()",
}


@pytest.fixture(scope="module", autouse=True)
def servers(shared_collector: CollectorProcess) -> None:
    """Sixty servers, and some with names that mean harm."""
    for number in range(60):
        system = {"distribucion": "ubuntu", "version_distribucion": "24.04"} if number % 3 else {}
        shared_collector.post(make_report(hostname=f"web-{number:02}", **system))
    for name in HOSTILE.values():
        shared_collector.post(make_report(hostname=name))


@pytest.fixture
def page(visitor: Visitor) -> Page:
    found = visitor.page()
    found.goto(f"{visitor.collector.url}/consola/servidores")
    return found


def test_it_works(page: Page, visitor: Visitor) -> None:
    expect(page.locator(".pages")).to_contain_text("de 64")
    page.get_by_role("searchbox").press_sequentially("web-1")
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page).to_have_url(re.compile(r"\?buscar=web-1$"))
    page.get_by_role("link", name="ubuntu 24.04").click()
    expect(page.locator("tbody tr")).to_have_count(7)
    page.get_by_role("link", name="Servidor", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Servidor")
    colleague = visitor.page()
    colleague.goto(page.url)
    expect(colleague.get_by_role("searchbox")).to_have_value("web-1")
    expect(colleague.locator("tbody tr")).to_have_count(7)
    names = "tbody tr td:first-child"
    assert colleague.locator(names).all_inner_texts() == page.locator(names).all_inner_texts()
    page.get_by_role("searchbox").fill("web-2")
    expect(page).to_have_url(re.compile("buscar=web-2.*so=ubuntu.*orden=nombre"))
    expect(page.locator("tbody tr").first).to_contain_text("web-20")
    with page.expect_download() as download:
        page.get_by_role("link", name="Exportar CSV").click()
    exported = Path(download.value.path()).read_text().splitlines()
    assert [line.split(",")[1] for line in exported[1:]] == page.locator(names).all_inner_texts()
    page.go_back()
    expect(page.locator("tbody tr").first).to_contain_text("web-10")


def test_nothing_matches_is_no_empty_fleet(page: Page) -> None:
    page.get_by_role("searchbox").fill("nobody")
    expect(page.locator("[data-empty=no-match]")).to_contain_text("Ningún servidor coincide")
    assert_accessible(page)


def test_pages_follow_each_other(page: Page) -> None:
    page.get_by_role("link", name="Siguientes").click()
    expect(page.locator(".pages")).to_contain_text("51")
    expect(page).to_have_url(re.compile("pagina=2"))
    expect(page.locator("tbody tr")).to_have_count(14)


def test_new_server_appears_by_itself(page: Page, visitor: Visitor) -> None:
    page.get_by_role("searchbox").fill("recién")
    expect(page.locator("[data-empty=no-match]")).to_be_visible()
    visitor.collector.post(make_report(hostname="recién-llegado"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_hostile_names_are_text(page: Page) -> None:
    search = page.get_by_role("searchbox")
    row = page.locator("tbody tr")
    search.fill("onerror")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(HOSTILE["markup"])
    search.fill(".exe")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(r"abc\u202egpj.exe")
    search.fill("xxxx")
    expect(page.locator("tbody summary")).to_be_visible()
    page.locator("tbody summary").click()
    assert HOSTILE["long"] in (page.locator("tbody details").text_content() or "")
    assert_accessible(page)
    assert "broken" not in page.title()
    assert page.locator("tbody img").count() == 0


def test_exported_names_are_no_formulas(page: Page, visitor: Visitor) -> None:
    answer = page.request.get(f"{visitor.collector.url}/consola/servidores.csv?buscar=cmd")
    assert answer.text().splitlines()[1].split(",")[1] == f"'{HOSTILE['formula']}"


def test_without_a_script_all_of_it_reads(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/servidores")
    page.get_by_role("searchbox").fill("web-0")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="ubuntu 24.04").click()
    expect(page.locator("tbody tr")).to_have_count(6)


def test_servers_of_another_moment(visitor: Visitor) -> None:
    identity = str(uuid.uuid4())
    for hour in (8, 9):
        report = make_report(id_agente=identity, hostname=f"antes-{hour}",
                             fecha_hora=f"2026-11-20T0{hour}:00:00Z")  # fmt: skip
        visitor.collector.post(report)
    page = visitor.page(timezone_id="America/Bogota")
    page.goto(f"{visitor.collector.url}/consola/servidores")
    page.get_by_role("link", name="En otro momento").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Siguientes").click()
    expect(page.get_by_role("link", name="Los primeros")).to_be_visible()
    assert_accessible(page)
    for moment, name in (("08:59:59", "antes-8"), ("09:00:00", "antes-9")):
        page.get_by_label("Fecha y hora").fill(f"2026-11-20T0{int(moment[:2]) - 5}{moment[2:]}")
        page.get_by_role("button", name="Ir", exact=True).click()
        expect(page).to_have_url(re.compile(f"en=2026-11-20T{quote(moment)}"))
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(name)
    with page.expect_download() as download:
        page.get_by_role("link", name="Exportar CSV").click()
    assert "antes-9" in Path(download.value.path()).read_text().splitlines()[1]
    rows.get_by_role("link").click()
    expect(page.locator(".moment .shown")).to_contain_text("En el pasado")
    page.goto(f"{visitor.collector.url}/consola/servidores/entonces?en=2026-11-20T07:59:59Z")
    expect(page.locator("[data-empty=none-yet]")).to_contain_text("No había servidores")
