"""The audit report of a period, looked at and downloaded."""

from pathlib import Path

from playwright.sync_api import expect

from API.app.accounts.roles import Role
from API.app.auditing.files import Format, stamp_of
from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import make_report


def test_it_works(visitor: Visitor, tmp_path: Path) -> None:
    visitor.collector.post(make_report(hostname="web-1"))
    page = visitor.page(Role.LECTOR)
    page.goto(f"{visitor.collector.url}/consola/politicas")
    page.get_by_role("link", name="Informe de cumplimiento").click()
    assert_accessible(page)
    for form in Format:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Descargar {form.upper()}").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert stamp_of(path)[0] is form
    page.get_by_role("button", name="Ver").click()
    expect(page.locator("h1")).to_have_text("Informe de cumplimiento")
    expect(page.locator("h3")).to_contain_text("web-1")
    assert page.locator("table").first.evaluate("e => getComputedStyle(e).borderCollapse") == (
        "collapse"
    ), "its own style counts"


def test_what_there_is_not_is_told(visitor: Visitor) -> None:
    page = visitor.page(locale="en-GB", java_script_enabled=False)
    page.goto(f"{visitor.collector.url}/consola/informe")
    page.get_by_label("This policy alone").fill("no-hay")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_contain_text("there is no policy 'no-hay'")
    page.get_by_label("From the day").fill("2999-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_contain_text("it is from 2999-01-01")
    page.get_by_label("To the day").fill("9999-12-31")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("'9999-12-31' is no date")
