"""From an empty installation to a miner that is excepted: the real agent, seen from a browser."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.agente.conftest import AGENT
from tests.browser.conftest import Visitor
from tests.conftest import DEADLINE_S


@pytest.mark.usefixtures("only_miner")
def test_first_server_its_miner_and_an_exception(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page()
    page.goto(visitor.collector.url)
    page.get_by_role("button", name="Mostrar la línea").click()
    server = Server(tmp_path)
    server.paste(page.locator("#line").inner_text())
    expect(page.locator("#home .tiles")).to_contain_text("Nuevo")

    page.get_by_role("link", name="Políticas", exact=True).click()
    page.get_by_role("link", name="No mina criptomonedas").click()
    said = page.locator("#said")
    expect(said).to_contain_text("Ningún servidor la incumple")
    miner = server.mine()
    try:
        server.report()
        expect(said.locator("tbody")).to_contain_text(f"pid {miner.pid} name xmrig")
        # The count is asked for every 10 s, and may be 10 s old.
        title = "(1) No mina criptomonedas · Cumplimiento de servidores"
        expect(page).to_have_title(title, timeout=40_000)
        icon = page.locator("link[rel=icon]")
        expect(icon).to_have_attribute("href", str(icon.get_attribute("data-trouble")))

        page.get_by_role("link", name="Exceptuar").click()
        page.get_by_label("Motivo").fill("Es un laboratorio")
        page.get_by_role("button", name="Añadir una excepción").click()
        expect(page.locator(".tabs")).to_contain_text("Exceptuado 1")
        page.get_by_role("button", name="English").click()
        expect(page.locator(".tabs")).to_contain_text("Excepted 1")
    finally:
        miner.kill()
        miner.wait()
    server.report()
    expect(page.locator(".tabs")).to_contain_text("Complies 1")


class Server:
    """This machine, with the agent in a folder of the test's own as `./agente.sh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = f'--config "{folder}/config.ini" --state "{folder}/estado"'
        (folder / "config.ini").touch()
        script = folder / "agente.sh"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{AGENT}" {own} "$@"\n')
        script.chmod(0o755)

    def paste(self, line: str) -> None:
        """Do what a line says, as in a terminal."""
        subprocess.run(["bash", "-ec", line], cwd=self.folder, check=True, timeout=DEADLINE_S * 2)

    def report(self) -> None:
        self.paste("./agente.sh --once --cpu-percent 100")

    def mine(self) -> "subprocess.Popen[bytes]":
        """Start a program with a miner's name."""
        program = self.folder / "xmrig"
        shutil.copy(str(shutil.which("sleep")), program)
        return subprocess.Popen([program, "600"])
