"""What stands around every page: language, theme, keyboard, errors; and the first page."""

import re

from playwright.sync_api import expect

from API.app.accounts.roles import Role
from tests.api.people import PASSWORD, ago, change, make_account, make_session
from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import make_report


def test_first_page_fills_by_itself(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(visitor.collector.url)
    expect(page.locator("[data-empty=none-yet]")).to_contain_text("Aún no hay servidores")
    assert_accessible(page)
    page.get_by_role("button", name="Mostrar la línea").click()
    line = page.locator("#line")
    expect(line).to_contain_text(f"./agente.sh --enrol --url {visitor.collector.url}")
    expect(line).to_contain_text("COMPLIANCE_API_ALTA=alta_")
    visitor.collector.post(make_report(hostname="primero"))
    expect(page.locator("#home .tiles")).to_contain_text("Nuevo")
    expect(line).to_be_visible()
    expect(page.locator("#home")).to_contain_text("Lo que más falla")
    assert_accessible(page)


def test_reader_is_told_whom_to_ask_for_the_line(visitor: Visitor) -> None:
    page = visitor.page(Role.LECTOR)
    page.goto(f"{visitor.collector.url}/consola")
    expect(page.get_by_role("button", name="Mostrar la línea")).to_have_count(0)


def test_language_and_theme_are_chosen_and_kept(visitor: Visitor) -> None:
    page = visitor.page(color_scheme="light")
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "es")
    page.get_by_role("button", name="English").click()
    expect(html).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("My account")
    page.get_by_role("button", name="Dark").click()
    expect(html).to_have_attribute("data-theme", "dark")
    page.goto(f"{visitor.collector.url}/consola")
    expect(html).to_have_attribute("lang", "en")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_keyboard_alone_leads_in_and_back_to_what_was_asked_for(visitor: Visitor) -> None:
    make_account(visitor.collector, "teclado")
    page = visitor.page()
    page.context.clear_cookies()
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    expect(page).to_have_url(re.compile("/consola/entrar"))
    assert_accessible(page)
    page.keyboard.type("teclado")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.collector.url}/consola/cuenta")
    assert_accessible(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))


def test_times_are_the_readers_and_utc_is_in_reach(visitor: Visitor) -> None:
    page = visitor.page(timezone_id="Asia/Tokyo")
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    stamp = page.locator("time").first
    expect(stamp).to_have_attribute("title", re.compile("UTC$"))
    zone = "new Date(document.querySelector('time').dateTime).getHours()"
    assert f"{page.evaluate(zone)}:" in (stamp.text_content() or "")


def test_without_a_script_times_are_utc(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    expect(page.locator("time").first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$"))


def test_without_a_script_trouble_is_told_too(visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    expect(page.locator("#pulse [data-trouble]")).to_be_visible()


def test_lost_connection_is_told_and_forgotten(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    expect(page.locator("#pulse .badge")).to_be_visible()
    visitor.breaks_connections = True
    page.route("**/consola/pulso", lambda route: route.abort())
    page.evaluate("htmx.trigger('#pulse', 'wake')")
    expect(page.locator("#not-loaded")).to_contain_text("No se pudo cargar")
    page.unroute("**/consola/pulso")
    page.evaluate("htmx.trigger('#pulse', 'wake')")
    expect(page.locator("#not-loaded")).to_be_hidden()


def test_session_that_ended_leads_to_the_door(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/cuenta")
    expect(page.locator("#pulse .badge")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate("htmx.trigger('#pulse', 'wake')")
    expect(page).to_have_url(re.compile(r"/consola/entrar\?volver=/consola/cuenta"))


def test_polling_keeps_no_session(visitor: Visitor) -> None:
    collector = visitor.collector
    account = make_account(collector, "ausente")
    cookie = {"Cookie": f"sesion={make_session(collector, account)}"}
    used = "SELECT count(*) AS n FROM sesiones WHERE id_cuenta = ? AND usada > ?"
    recently = ago(minutes=5)
    age = "UPDATE sesiones SET usada = ? WHERE id_cuenta = ?"
    change(collector, age, ago(minutes=59), account)
    assert collector.get("/consola/pulso", headers=cookie | {"X-Poll": "1"}).ok
    assert collector.rows(used, account, recently) == [{"n": 0}]
    assert collector.get("/consola", headers=cookie).ok
    assert collector.rows(used, account, recently) == [{"n": 1}]
