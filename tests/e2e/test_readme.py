"""Every command of the documents, typed in a copy of the repository, in the order of the text."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.people import PASSWORD
from tests.conftest import ROOT, wait_until
from tests.documentation import README, Block, blocks
from tests.installation import Installation

SIMULATE = "python3 bench/fleet.py --servers 10000 --interval 300 --minutes 10 --plot fleet.png"
OTHER_POSTGRESQL = "POSTGRESQL_BIN=/usr/lib/postgresql/15/bin ./test.sh tests/compliance/postgresql"
ELSEWHERE = {
    "./init_app.sh --demo": "tests/e2e/test_scripts.py",
    "./init_app.sh --host 0.0.0.0 --tls-self-signed": "tests/api/test_tls.py",
    "./test.sh": "it runs this test; tests/test_documentation.py checks that .ci/run calls it",
    "./test.sh tests/agente/test_spool.py": "the same, with one file",
    OTHER_POSTGRESQL: "the same, with another PostgreSQL",
    "python3 -m createDB.describe\npython3 -m API.describe": "tests/test_documentation.py",
    SIMULATE: "tests/bench/test_fleet.py, with a smaller fleet",
}
"""Commands that are proved by something else."""

SUBSTITUTIONS = {
    "ssh web-1.example.net": "sh -c",
    "/opt/compliance": "{server}",
    "/var/backups": "{backups}",
    "ip = 10.20.0.5": "ip = 127.0.0.1",
    "127.0.0.1:8080": "127.0.0.1:{port}",
    "--interval 300": "--interval 0.2",
}
"""What stands in the documents for something of the reader's own, and what stands for it here."""

STARTS_COLLECTOR = "./init_app.sh --host"
BY_HAND = "python3 createDB/createDB.py\npython3 API/init_app.py\n"
GOES_ON = "--interval"


class Reader:
    """Somebody who types what the documents say."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        server, backups = folder / "server", folder / "backups"
        for place in (server, backups):
            place.mkdir()
        self.own = {"{server}": server, "{backups}": backups, "{port}": installation.port}
        # A second machine has its own; making it again is what tests/e2e/test_scripts.py does.
        environment = installation.folder / ".venv-agente"
        (server / ".venv-agente").symlink_to(environment.resolve())
        path = with_sqlite3(folder, installation.environment["PATH"])
        self.environment = installation.environment | {"PATH": path}

    def types(self, text: str) -> "subprocess.CompletedProcess[str]":
        done = self.installation.run(
            self.substituted(text), env=self.environment, input=f"{PASSWORD}\n"
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done

    def starts(self, text: str) -> "subprocess.Popen[bytes]":
        return self.installation.start(self.substituted(text), env=self.environment)

    def substituted(self, text: str) -> str:
        for found, instead in SUBSTITUTIONS.items():
            text = text.replace(found, instead)
        for found, own in self.own.items():
            text = text.replace(found, str(own))
        return text

    def reports(self) -> int:
        [row] = self.installation.rows("SELECT count(*) AS many FROM servers")
        return int(row["many"])


def with_sqlite3(folder: Path, path: str) -> str:
    """Give a PATH on which there is a sqlite3; where none is installed, Python's module is it."""
    if shutil.which("sqlite3", path=path):
        return path
    program = folder / "bin" / "sqlite3"
    program.parent.mkdir()
    code = "import sqlite3, sys; [print(*r, sep='|') for r in sqlite3.connect(sys.argv[-2]).execute(sys.argv[-1])]"  # noqa: E501
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{code}" "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{path}"


@pytest.fixture
def reader(installation: Installation, tmp_path: Path) -> Reader:
    return Reader(installation, tmp_path)


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="the README uses curl")


@needs_curl
def test_readme_from_top_to_bottom(reader: Reader) -> None:
    shown = blocks(README, "shell", "json")
    collector, answers = None, 0
    for block, following in zip(shown, [*shown[1:], None], strict=True):
        if block.language == "json" or block.text.strip() in ELSEWHERE or block.text == BY_HAND:
            continue
        if block.text.startswith(STARTS_COLLECTOR):
            collector = reader.starts(f"exec {block.text}")
            wait_until(reader.installation.answers, reader.installation.said)
        elif GOES_ON in block.text:
            assert_goes_on_reporting(reader, block.text)
        else:
            done = reader.types(block.text)
            answers += compare_answer(done.stdout, following)
    assert answers >= 3
    assert collector
    assert reader.installation.stop(collector) == 0


def assert_goes_on_reporting(reader: Reader, text: str) -> None:
    before = reader.reports()
    agent = reader.starts(f"exec {text}")
    wait_until(lambda: reader.reports() >= before + 2, reader.installation.said)
    assert reader.installation.interrupt(agent) == 0


def compare_answer(given: str, shown: Block | None) -> int:
    """Compare what a command printed with the answer that the document shows; 1 if it shows one."""
    if shown is None or shown.language != "json":
        return 0
    assert_shown(json.loads(shown.text), json.loads(given))
    return 1


def assert_shown(shown: Any, given: Any) -> None:
    """Check that what is shown is so; numbers of reports are not the same in every database."""
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert_shown(value, given[name])
    elif isinstance(shown, list):
        assert len(shown) == len(given)
        for left, right in zip(shown, given, strict=True):
            assert_shown(left, right)
    elif isinstance(shown, int):
        assert isinstance(given, int)
    else:
        assert shown == given


def test_programs_by_hand(reader: Reader) -> None:
    assert BY_HAND in [block.text for block in blocks(README, "shell")]
    build, serve = BY_HAND.splitlines()
    reader.types(build)
    collector = reader.starts(f"exec {serve}")
    wait_until(reader.installation.answers, reader.installation.said)
    assert reader.installation.stop(collector) == 0


PROVED_ELSEWHERE = (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "sizing.md")


@pytest.mark.parametrize("path", PROVED_ELSEWHERE, ids=lambda path: path.name)
def test_other_commands_are_proved_elsewhere(path: Path) -> None:
    for block in blocks(path, "shell"):
        assert block.text.strip() in ELSEWHERE


def test_operations_from_top_to_bottom(reader: Reader) -> None:
    """Break it and mend it as the guide says: nothing that was answered is missing afterwards."""
    installation = reader.installation
    check, waits, look, clean, convert, compare, accounts, snapshot, put_back, rebuild = (
        block.text for block in blocks(ROOT / "docs" / "operations.md", "shell")
    )
    collector = installation.serve("exec ./init_app.sh")
    reader.types("./agente.sh --once")
    for text in (check, waits, look, clean, compare, accounts, snapshot):
        reader.types(text)
    reader.types("./agente.sh --once")
    assert installation.stop(collector) == 0
    reader.types(put_back)
    assert reader.reports() == 1
    collector = installation.serve("exec ./init_app.sh")
    assert installation.stop(collector) == 0
    assert reader.reports() == 2
    reader.types(convert)
    reader.types(compare)
    assert reader.reports() == 2
    reader.types(rebuild)
    reader.types(compare)
    assert reader.reports() == 2


def test_every_document_with_commands_is_run_by_a_test() -> None:
    run = {ROOT / "README.md", ROOT / "README.es.md", *PROVED_ELSEWHERE,
           ROOT / "docs" / "operations.md",
           ROOT / "docs" / "install.md"}  # by tests/shipping  # fmt: skip
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        assert path in run or not blocks(path, "shell"), path
    assert os.access(ROOT / "test.sh", os.X_OK)
