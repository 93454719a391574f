"""'Who runs this?': a process or a user across the fleet, now and ever."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, make_report

FIRST = "55555555-5555-4555-8555-555555555555"
SECOND = "66666666-6666-4666-8666-666666666666"
NOW = datetime.now(UTC).replace(microsecond=0)
HOSTILE = "<img src=x onerror=document.title='broken'>\u202e" + "z" * 4000


@pytest.fixture(scope="module", autouse=True)
def fleet(shared_collector: CollectorProcess) -> None:
    """xmrig ran on web-01 as juan, and runs on web-02 as ana; juan is logged in there."""
    miner = {"pid": 66, "name": "xmrig"}
    for identity, hours, processes, people in (
        (FIRST, 9, [{**miner, "username": "juan"}], []),
        (FIRST, 5, [{"pid": 7, "name": HOSTILE, "username": "root"}], []),
        (SECOND, 3, [{**miner, "username": "ana"}], [{"pid": 9, "name": "juan"}]),
    ):
        shared_collector.post(make_report(
            id_agente=identity, hostname="web-01" if identity == FIRST else "web-02",
            fecha_hora=(NOW - timedelta(hours=hours)).isoformat(), procesos=processes,
            usuarios_activos=people,
        ))  # fmt: skip


def test_a_process_now_and_ever(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/quien")
    expect(page.locator("[data-empty=none-yet]")).to_contain_text("Busque")
    page.get_by_role("searchbox").press_sequentially("xmri")
    page.locator(".names").get_by_role("link", name="xmrig").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("web-02")
    expect(rows.first).to_contain_text("Ahora")
    expect(rows.last).to_contain_text("juan")
    expect(rows.last.locator("time").first).to_have_attribute(
        "datetime", f"{NOW - timedelta(hours=9):%Y-%m-%dT%H:%M:%S}+00:00"
    )
    expect(rows.last.locator("time").last).to_have_attribute(
        "datetime", f"{NOW - timedelta(hours=5):%Y-%m-%dT%H:%M:%S}+00:00"
    )
    assert_accessible(page)
    page.get_by_role("link", name=re.compile("Ahora")).click()
    expect(page).to_have_url(re.compile("ahora=si"))
    expect(rows).to_have_count(1)
    page.get_by_label("Como").select_option("proceso")
    expect(page).to_have_url(re.compile("que=proceso"))
    expect(page).to_have_url(re.compile("ahora=si"))
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="web-02").click()
    expect(page.locator("h1")).to_have_text("web-02")


def test_a_user_runs_and_is_logged_in(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/quien?nombre=juan&que=usuario")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Sesión")
    expect(rows.last).to_contain_text("xmrig")
    rows.last.locator("time").first.click()
    expect(page.locator("tbody tr", has_text="xmrig")).to_be_visible()
    expect(page.locator(".moment .shown")).to_contain_text("En el pasado")


def test_a_name_that_ends_in_a_blank_is_another_one(visitor: Visitor) -> None:
    for name in ("sshd", "sshd "):
        visitor.collector.post(make_report(hostname=f"de-{len(name)}", procesos=[
            {"pid": 5, "name": name, "username": "root"}]))  # fmt: skip
    page = visitor.page()
    for name, server in (("sshd", "de-4"), ("sshd ", "de-5")):
        for path in ("quien", "cambios"):
            page.goto(f"{visitor.collector.url}/consola/{path}?nombre={quote(name)}")
            expect(page.locator("#found .name")).to_have_text(server)
    page.goto(f"{visitor.collector.url}/consola/quien?nombre={quote(' sshd  ')}")
    expect(page.locator(".names a")).to_have_count(2)


def test_hostile_names_are_text_and_nobody_is_nobody(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/quien?nombre=onerror")
    expect(page.locator(".names")).to_contain_text("<img src=x")
    page.locator(".names a").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert_accessible(page)
    assert page.locator("#found img").count() == 0
    assert "broken" not in page.title()
    page.goto(f"{visitor.collector.url}/consola/quien?nombre=nadie-lo-tiene")
    expect(page.locator("[data-empty=no-match]")).to_contain_text("Nadie lo ejecuta")
    assert_accessible(page)
