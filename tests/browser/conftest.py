"""A browser, somebody who is logged in, and what must hold on every page."""

import shutil
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from API.app.accounts.roles import Role
from tests.api.people import make_account, make_session
from tests.conftest import CollectorProcess, program

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
PERSON: dict[str, Any] = {
    "locale": "es-ES",
    "timezone_id": "UTC",
    "reduced_motion": "reduce",  # colours that are on their way have no contrast to judge
}
AXE = {"resultTypes": ["violations"], "preload": False}
expect.set_options(timeout=20_000)
WIDTHS = (360, 1280, 2560)
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 360))
"""Themes and widths at which axe looks at a page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium: one for a module. Without what draws windows it takes half the work."""
    chromium = shutil.which("chromium-headless-shell") or program("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield launched
        launched.close()


class Visitor:
    """Somebody at a browser, logged in to a collector; each has their own cookies."""

    def __init__(self, browser: Browser, collector: CollectorProcess) -> None:
        self._browser, self.collector = browser, collector
        self._made: list[BrowserContext] = []
        self._complaints: list[str] = []
        self.breaks_connections = False
        """Whether the test has requests fail: htmx complains of that."""

    def page(self, role: Role = Role.ADMINISTRADOR, **context: Any) -> Page:
        """Open a page, which must stay without errors; `context` is what Playwright calls so."""
        made = self._browser.new_context(**PERSON | context)
        self._made.append(made)
        number = make_account(self.collector, f"persona-{id(made)}", role)
        secret = make_session(self.collector, number)
        made.add_cookies([{"name": "sesion", "value": secret, "url": self.collector.url}])
        made.on("console", self._note)
        made.on("weberror", lambda error: self._complaints.append(str(error.error)))
        made.set_default_timeout(20_000)
        return made.new_page()

    def close(self) -> None:
        for made in self._made:
            made.close()
        assert not self._complaints

    def _note(self, message: ConsoleMessage) -> None:
        """Keep what the browser complains of; an answer that is an error is the test's to judge."""
        ours = message.location["url"].startswith(self.collector.url)  # axe has no address
        answer = message.text.startswith("Failed to load resource")
        expected = answer or (self.breaks_connections and message.text.startswith("htmx:"))
        if message.type == "error" and ours and not expected:
            self._complaints.append(message.text)


@pytest.fixture
def visitor(browser: Browser, shared_collector: CollectorProcess) -> Iterator[Visitor]:
    """Whoever looks at the module's collector."""
    made = Visitor(browser, shared_collector)
    yield made
    made.close()


def assert_accessible(page: Page) -> None:
    """Axe finds nothing serious on the page as it is, wide and narrow, and nothing sticks out."""
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options=AXE).response["violations"]
        grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
        where = [(rule["id"], node["html"]) for rule in grave for node in rule["nodes"]]
        assert not where, where
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"at {width} px the page is {wide} px wide"
