"""The collector as it is shipped, in a Debian that has Python and nothing else."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from createDB.state import head_revision
from tests.conftest import free_port, make_report, wait_until
from tests.shipping.conftest import NewVersion
from tests.shipping.guide import NEXT, VERSION, commands
from tests.shipping.machine import Machine, build

STORAGE = "var/lib/compliance"
NEXT_SCHEMA = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("del_futuro", sa.Column("x", sa.Integer))
"""


class Load:
    """Somebody who delivers a report after the other, each until it is taken."""

    def __init__(self, url: str, authority: Path) -> None:
        self._url, self._authority = url, str(authority)
        self.taken: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            report = make_report()
            while not self._deliver(report):
                if self._stopping.wait(0.05):
                    return
            self.taken.append(report["id_reporte"])

    def _deliver(self, report: dict[str, Any]) -> bool:
        try:
            answer = requests.post(
                f"{self._url}/servers", json=report, verify=self._authority, timeout=10
            )
        except requests.RequestException:
            return False
        assert answer.status_code in (200, 201, 503), answer.text
        return answer.ok

    def wait_for_more(self) -> None:
        before = len(self.taken)
        wait_until(lambda: len(self.taken) > before + 3, "no reports are taken")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


def rows(machine: Machine, query: str) -> list[Any]:
    database = machine / STORAGE / "database" / "servers.sqlite"
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return [value for (value,) in connection.execute(query)]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, new_version: NewVersion) -> list[Path]:
    """The collector's package, and one of a later version with another schema."""
    newer = new_version(NEXT)
    migration = newer / "createDB" / "migrations" / "versions" / "v9999_next.py"
    migration.write_text(NEXT_SCHEMA.format(head=head_revision()))
    folder = tmp_path_factory.mktemp("collector-packages")
    return build("build_collector.sh", folder) + build("build_collector.sh", folder, newer)


def test_package_from_installation_to_purge(packages: list[Path], machine: Machine) -> None:
    """As the guide says: upgraded under load and back again, not a report is lost or doubled."""
    port = free_port()
    install, start, upgrade, back, remove = (
        text.replace("/; s/^# propio", f"/; s/^# puerto = .*/puerto = {port}/; s/^# propio")
        for text in commands("compliance-colector")
    )
    machine.has(*packages)
    assert "systemctl enable --now" in machine.types(install)
    assert not machine.services()
    assert "--enrol --url https://" in machine.types(start)
    load = Load(f"https://127.0.0.1:{port}", machine / STORAGE / "tls" / "ca.pem")
    try:
        load.wait_for_more()
        machine.types(upgrade)
        assert rows(machine, "SELECT version_num FROM version_esquema") == ["9999"]
        load.wait_for_more()
        assert "es otra vez" in machine.types(back)
        assert rows(machine, "SELECT version_num FROM version_esquema") == [head_revision()]
        load.wait_for_more()
    finally:
        load.stop()
    assert set(load.taken) <= set(rows(machine, "SELECT id_reporte FROM servers"))
    machine.types("compliance-colector base --check")
    assert machine.types("compliance-colector --version") == f"{VERSION}\n"

    take_away, purge = remove.splitlines()
    assert f"/{STORAGE}" in machine.types(take_away)
    assert not machine.running()
    assert (machine / STORAGE / "database" / "servers.sqlite").exists()
    machine.types(purge)
    assert not (machine / STORAGE).exists()
    assert not (machine / "usr/lib/compliance-colector").exists()
    assert "compliance" not in (machine / "etc/passwd").read_text()
