"""Takes pictures of the console's main pages, at two widths and in both themes, into images/.

    python3 -m deploy.screenshots [--language en] [--folder images]

Starts a collector in a temporary folder, has a fleet to show report a month to it
(`deploy/showcase.py`), and looks at it with Debian's Chromium.
"""

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from API.app.accounts import accounts, sessions
from API.app.accounts.roles import Role
from API.app.audit import Actor
from bench.serving import running_collector
from createDB.build import build
from createDB.engine import ROOT, database_url, open_engine
from deploy.showcase import MINING, age, identity, now, send_history

PAGES = {
    "inicio": "/consola",
    "servidores": "/consola/servidores",
    "politicas": "/consola/politicas",
    "politica": "/consola/politicas/telnet",
    "servidor": "/consola/servidores/{server}",
    "quien": "/consola/quien?nombre=xmrig",
}
SIZES = {"ancho": (1280, 860), "movil": (390, 844)}
DRAWING_MS = 500
COLOURS = 160
THEMES = {"claro": "light", "oscuro": "dark"}


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--language", default="es", choices=("es", "en"))
    parser.add_argument("--folder", type=Path, default=ROOT / "images")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        storage, database = Path(name) / "storage", Path(name) / "servers.sqlite"
        build(database_url(str(database)))
        secret = _logged_in(database)
        with running_collector(storage, database) as port:
            send_history(port, now())
            age(database)
            _take_all(f"http://127.0.0.1:{port}", secret, options)


def _logged_in(database: Path) -> str:
    """Make an account and a session; give what its cookie holds."""
    engine = open_engine(database_url(str(database)))
    with engine.begin() as connection:
        actor, password = Actor("ana", "127.0.0.1"), "caballo correcto grapa"
        account = accounts.create(connection, actor, "ana", Role.ADMINISTRADOR, password)
        secret = sessions.open_session(connection, actor, account.id_cuenta, None)
    engine.dispose()
    return secret


def _take_all(url: str, secret: str, options: argparse.Namespace) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for size in SIZES:
            for theme in THEMES:
                _take(browser, url, secret, options, size, theme)
        browser.close()


def _take(
    browser: Browser, url: str, secret: str, options: argparse.Namespace, size: str, theme: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=options.language, timezone_id="UTC",
        color_scheme="dark" if THEMES[theme] == "dark" else "light", reduced_motion="reduce",
    )  # fmt: skip
    context.add_cookies([{"name": "sesion", "value": secret, "url": url}])
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto(url + path.format(server=identity(MINING)))
        page.locator("#pulse .badge").wait_for()
        page.wait_for_timeout(DRAWING_MS)
        taken = Image.open(io.BytesIO(page.screenshot()))
        small = taken.convert("RGB").quantize(COLOURS)  # a third of the bytes, the same to the eye
        small.save(options.folder / f"consola-{name}-{size}-{theme}.png", optimize=True)
    context.close()


if __name__ == "__main__":
    main()
