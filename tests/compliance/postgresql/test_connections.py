"""Verdicts, exceptions and trials that come from connections of their own to PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import ProgrammingError

from API.app.audit import operator
from API.app.compliance import ledger
from API.app.compliance.library import SHIPPED
from API.app.compliance.timeline import Period
from API.app.compliance.trial import try_query
from API.app.queries.politicas import Reported
from API.app.waivers import grant
from createDB.schema import OPEN
from createDB.views import Layout
from tests.compliance.conftest import WHERE, Trial
from tests.compliance.test_policies_command import policies
from tests.conftest import wait_until
from tests.ingest.conftest import AGENTS, entry
from tests.postgresql import rows_of

WAITING = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def trial(url: str, tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path, Layout.COMPLETO, url)
    yield trial
    trial.close()


def test_an_exception_that_is_granted_while_a_verdict_is_written_ends_its_alert(
    trial: Trial, url: str
) -> None:
    trial.stores(entry(0, 0, 1))
    trial.judges()
    [[policy]] = trial.rows("SELECT num_politica FROM politicas WHERE id_politica = 'mineros'")
    [[server]] = trial.rows("SELECT num_agente FROM agentes")
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    def excepts() -> None:
        with trial.engine.begin() as connection:
            grant(connection, operator(), "mineros", AGENTS[0], tomorrow, "Una prueba")

    granting = threading.Thread(target=excepts)
    with trial.engine.begin() as judging:
        judging.exec_driver_sql("DELETE FROM cumplimiento WHERE num_politica = ?", (policy,))
        period = Period(server, policy, 1, OPEN, "no_cumple", "[]", None, None)
        ledger.write(judging, [period], {period[:2]})
        granting.start()
        wait_until(lambda: rows_of(url, WAITING) == [{"n": 1}], "the exception waits")
    granting.join()
    ended = "SELECT resolucion FROM alertas WHERE num_politica = ?"
    assert trial.rows(ended, policy) == [("excepcion",)]


def test_a_query_is_tried_on_the_fleet(trial: Trial, url: str) -> None:
    trial.stores(entry(0, 0, 1, procesos=[{"pid": 7, "name": "xmrig", "username": "root"}]))
    servers = [Reported(AGENTS[0], "web-1", 1)]
    for query in (
        f"SELECT pid FROM procesos {WHERE} AND name = 'xmrig'",
        "SELECT p.pid FROM procesos p JOIN servers s ON s.id_serv = p.id_serv WHERE name LIKE 'x%'",
    ):
        found = try_query(trial.url, query, servers)
        assert [finding.rows for finding in found.findings] == [[{"pid": 7}]]
    said = policies("try", SHIPPED / "mineros.yaml", "--database", url)
    assert "no_cumple: 1;" in said.stdout, said.stderr
    refused = try_query(trial.url, "SELECT clave FROM cuentas", servers)
    assert refused.failure == "la consulta hace lo que no debe: leer cuentas"


def test_who_cannot_begin_to_judge_does_not_keep_others_from_it(trial: Trial) -> None:
    trial.court.close()
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE politicas RENAME TO away")
    with pytest.raises(ProgrammingError) as kept:
        trial.new_court()
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO politicas")
    assert kept.value
    trial.court = trial.new_court()
