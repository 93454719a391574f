"""Programs of the version before and ours, on the two ends of the network and of one storage."""

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, CollectorProcess, NewCollector
from tests.enrolment import ELSEWHERE
from tests.installation import clean_environment

[RELEASED] = (ROOT / "tests" / "released").glob("*.tar.xz")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of the version before."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(RELEASED) as packed:
        # Debian 12's Python, 3.11.2, has no filters yet; it ignores this.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(folder)  # noqa: S202 - our own archive
    return folder


@dataclass
class CollectorOf(CollectorProcess):
    """A collector whose programs are in another folder."""

    sources: Path = ROOT

    def program(self, name: str, *arguments: str) -> list[str]:
        places = ["--storage", str(self.storage), "--database", self.database_url]
        return [sys.executable, str(self.sources / name), *arguments, *places]

    def command(self) -> list[str]:
        return [*self.program("API/init_app.py"), "--port", str(self.port), *self.options]

    def said_by(self, name: str, *arguments: str) -> str:
        done = subprocess.run(self.program(name, *arguments), check=True, capture_output=True,
                              text=True)  # fmt: skip
        return done.stdout


def enrol_and_report(sources: Path, state: Path, collector: CollectorProcess, secret: str) -> None:
    """Have an agent enrol and report."""
    agent = [sys.executable, str(sources / "agente" / "agente.py"), "--state", str(state)]
    environment = clean_environment(COMPLIANCE_API_ALTA=secret, COMPLIANCE_API_URL=collector.url)
    for mode in ("--enrol", "--once"):
        done = subprocess.run([*agent, mode], check=False, capture_output=True, text=True,
                              env=environment, timeout=60)  # fmt: skip
        assert done.returncode == 0, done.stderr


def secret_of(line: str) -> str:
    return line.partition("COMPLIANCE_API_ALTA=")[2].split()[0]


def test_agent_of_the_version_before_and_our_collector(
    before: Path, new_collector: NewCollector, tmp_path: Path
) -> None:
    made = new_collector(*ELSEWHERE)
    collector = CollectorOf(made.storage, options=made.options, postgresql=made.postgresql)
    collector.start()
    secret = secret_of(collector.said_by("API/init_app.py", "secret", "rotate"))
    try:
        enrol_and_report(before, tmp_path / "state", collector, secret)
    finally:
        collector.release()
    [row] = collector.rows(
        "SELECT version_agente, id_serv FROM agentes JOIN credenciales USING (num_agente)"
    )
    assert row["version_agente"] == RELEASED.name.removesuffix(".tar.xz")
    assert collector.rows("SELECT count(*) AS many FROM procesos")[0]["many"] > 1


def test_our_agent_and_the_collector_of_the_version_before_then_upgraded(
    before: Path, tmp_path: Path
) -> None:
    """What the old one stored, ours serves from the same storage, after one upgrade."""
    old = CollectorOf(tmp_path / "storage", options=ELSEWHERE, sources=before)
    old.said_by("createDB/createDB.py")
    secret = secret_of(old.said_by("API/init_app.py", "secret", "rotate"))
    try:
        enrol_and_report(ROOT, tmp_path / "state", old.start(), secret)
        assert old.stop() == 0
    finally:
        old.release()
    ours = CollectorOf(old.storage, options=ELSEWHERE)
    ours.said_by("createDB/createDB.py")
    try:
        enrol_and_report(ROOT, tmp_path / "state", ours.start(), secret)
        assert len(ours.get("/servers").json()["servers"]) == 1
        assert ours.stop() == 0
    finally:
        ours.release()
    assert ours.numbers() == [1, 2]
    ours.said_by("createDB/createDB.py", "--check")
