"""What changed on the fleet: narrowed, followed back, and new ones by themselves."""

import re
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import make_report


def report(minute: int, *names: str) -> dict[str, Any]:
    processes = [{"pid": 10 + n, "name": name, "username": "ana"} for n, name in enumerate(names)]
    return make_report(
        hostname="web-1", id_agente="3f1c9a52-6b1e-4c0d-9f3a-0d4f2f6f8a11",
        fecha_hora=f"2026-11-20T10:{minute:02}:00Z", procesos=processes, usuarios_activos=[],
    )  # fmt: skip


def test_it_works(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/cambios")
    expect(page.locator("[data-empty=none-yet]")).to_be_visible()
    for minute in range(0, 30, 2):
        for step in range(2):
            names = [f"job-{minute}-{number}" for number in range(9)] if step else []
            visitor.collector.post(report(minute + step, *names))
    visitor.collector.post(report(40, "<b>nginx</b>"))
    expect(page.locator("#found")).to_contain_text("<b>nginx</b>")
    assert_accessible(page)
    page.get_by_role("link", name="Más antiguos").click()
    expect(page).to_have_url(re.compile("despues="))
    expect(page.locator("#found")).not_to_contain_text("nginx")
    expect(page.locator("#found")).to_contain_text("web-1")


def test_they_are_narrowed(visitor: Visitor) -> None:
    page = visitor.page()
    visitor.collector.post(report(50, "un"))
    visitor.collector.post(report(51, "otro"))
    page.goto(f"{visitor.collector.url}/consola/cambios")
    page.get_by_label("Nombre exacto").fill("un")
    expect(page).to_have_url(re.compile(r"\?nombre=un$"))
    expect(page.locator(".inner > li")).to_have_count(2)
    page.get_by_label("Tipo").select_option("Termina")
    expect(page.locator(".inner > li")).to_have_count(1)
    page.get_by_label("Usuario exacto").fill("nobody")
    expect(page.locator("[data-empty=no-match]")).to_be_visible()
