"""A database that is judged, without a collector around it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from sqlalchemy import Engine

from API.app.compliance.again import judge_again
from API.app.compliance.court import Court
from API.app.compliance.library import Library
from API.app.compliance.present import judge_new
from API.app.compliance.review import review
from API.app.ingest.entry import Entry
from API.app.ingest.store import Store
from createDB.engine import database_url, open_engine
from createDB.tables import create_tables
from createDB.views import Layout
from tests.conftest import Databases
from tests.ingest.conftest import BASE

WHERE = "WHERE id_serv = :id_serv"
POLICIES = {
    "mineros": (["procesos"], f"SELECT pid, username FROM procesos {WHERE} AND name = 'xmrig'"),
    "auditoria": (
        ["procesos"],
        f"""SELECT 1 WHERE NOT EXISTS (
        SELECT 1 FROM procesos {WHERE} AND name IN ('auditd', 'laurel'))""",
    ),
    "muchos": (
        ["procesos"],
        f"SELECT count(*) AS procesos FROM procesos {WHERE} HAVING count(*) > 3",
    ),
    "root": (
        ["usuarios_activos"],
        f"SELECT pid FROM usuarios_activos {WHERE} AND username = 'root'",
    ),
    "nucleo": (["nucleo"], f"SELECT nucleo FROM servers {WHERE} AND nucleo < '6'"),
    "incompleto": (["servers"], f"SELECT errores FROM servers {WHERE} AND errores IS NOT NULL"),
    "direccion": (
        ["ipaddress", "servers"],
        """SELECT o.ipaddress AS antes FROM servers s JOIN servers o USING (num_agente)
        WHERE s.id_serv = :id_serv AND o.momento < s.momento AND o.ipaddress <> s.ipaddress
        ORDER BY o.momento DESC LIMIT 1""",
    ),
}


class Trial:
    """A database, policies in a folder, and who judges.

    Args:
        folder: the test's own.
        layout: of the database.
        url: of an empty one; left out: SQLite, in the folder.
    """

    def __init__(self, folder: Path, layout: Layout, url: str | None = None) -> None:
        self.folder = folder / "politicas"
        self.folder.mkdir()
        for name, (requires, query) in POLICIES.items():
            self.put(name, requires, query)
        self.url = database_url(url or str(folder / "servers.sqlite"))
        self.engine: Engine = open_engine(self.url)
        if url is None:
            with self.engine.begin() as connection:
                create_tables(connection, layout)
        self.store = Store(rows=layout is Layout.COMPLETO)
        self.court = self.new_court()

    def new_court(self) -> Court:
        return Court(self.url, Library([self.folder]))

    def restart(self) -> None:
        """Go on as another process does after a kill."""
        self.court.close()
        self.court = self.new_court()

    def put(self, name: str, requires: list[str], query: str, **fields: Any) -> None:
        text = {"id": name, "titulo": "Una", "descripcion": "Una.", "severidad": "alta",
                "por_que": "Porque.", "remedio": "Nada.", "requiere": requires,
                "consulta": query, **fields}  # fmt: skip
        (self.folder / f"{name}.yaml").write_bytes(msgspec.yaml.encode(text))

    def stores(self, *entries: Entry) -> None:
        with self.engine.begin() as connection:
            self.store.store(connection, entries, BASE + timedelta(days=1))

    def judges(self) -> int:
        """Judge all that is new; tell how many reports that were."""
        total = 0
        while count := judge_new(self.court).reports:
            total += count
        while review(self.court) or judge_again(self.court):
            pass
        return total

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, arguments)]

    def history(self, policy: str, number: int = 1) -> list[tuple[Any, ...]]:
        """Give the periods of a policy: seconds after BASE, verdict, evidence, latest evidence."""
        start = int((BASE - type(BASE)(1970, 1, 1)).total_seconds() * 1000)
        return [
            ((desde - start) / 1000, *rest)
            for desde, *rest in self.rows(
                "SELECT desde, veredicto, evidencia, evidencia_ultima FROM cumplimiento "
                "JOIN politicas USING (num_politica) WHERE id_politica = ? AND num_agente = ? "
                "ORDER BY desde",
                policy,
                number,
            )
        ]

    def close(self) -> None:
        self.court.close()
        self.engine.dispose()


NewTrial = Callable[[Layout], Trial]


@pytest.fixture
def new_trial(tmp_path: Path, databases: Databases) -> Iterator[NewTrial]:
    structlog.configure(processors=[structlog.processors.LogfmtRenderer()])
    with ExitStack() as ending:
        ending.callback(structlog.reset_defaults)

        def make(layout: Layout = Layout.COMPLETO) -> Trial:
            folder = tmp_path / uuid.uuid4().hex
            folder.mkdir()
            trial = Trial(folder, layout, ending.enter_context(databases(layout)))
            ending.callback(trial.close)
            return trial

        yield make
