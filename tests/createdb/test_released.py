"""A database of every version that was released becomes ours, without losing a row."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.state import ready
from createDB.views import Layout
from tests.conftest import ROOT
from tests.createdb.conftest import Rows
from tests.createdb.test_upgrade import schema_of

RELEASED = sorted((ROOT / "tests" / "released").glob("*.sql"))
SHOWN = (
    "SELECT id_serv, id_agente, fecha_hora, hostname, errores FROM servers",
    "SELECT id_serv, fecha_hora, pid, name, username FROM procesos",
    "SELECT id_serv, fecha_hora, pid, username FROM usuarios_activos",
    "SELECT id_agente, hostname, ultimo_reporte, estado FROM agentes",
    "SELECT id_agente, name, username, desde, hasta FROM historial_procesos",
)
"""What a version has shown of its data, later ones show too."""


@pytest.mark.parametrize("dump", RELEASED, ids=lambda dump: dump.stem)
def test_a_released_database_is_upgraded(dump: Path, tmp_path: Path, rows: Rows) -> None:
    path, new = tmp_path / "servers.sqlite", tmp_path / "new.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text())
    before = [sorted(rows(path, query), key=str) for query in SHOWN]
    assert all(before)
    build(database_url(str(path)))
    assert [sorted(rows(path, query), key=str) for query in SHOWN] == before
    build(database_url(str(new)), Layout(dump.stem.rpartition("-")[2]))
    assert schema_of(path) == schema_of(new)
    engine = open_engine(database_url(str(path)))
    ready(engine)
    engine.dispose()


def test_every_release_is_here() -> None:
    """As the changelog has them; deploy/release.sh adds those of a release."""
    released = [line.split()[1] for line in (ROOT / "CHANGELOG.md").read_text().splitlines()
                if line.startswith("## ") and line != "## Unreleased"]  # fmt: skip
    kept = {dump.stem for dump in RELEASED}
    assert kept == {f"{version}-{layout}" for version in released for layout in Layout}
    [programs] = (ROOT / "tests" / "released").glob("*.tar.xz")
    assert programs.name == f"{released[0]}.tar.xz"
