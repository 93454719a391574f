"""The page that shows what the API is."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitor, assert_accessible


def test_it_works(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{visitor.collector.url}/consola/api")
    route = page.locator("summary", has_text="/procesos.{formato}")
    route.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="username", exact=True).first).to_be_visible()
    assert_accessible(page)
