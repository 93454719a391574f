"""The policies that come with it say on PostgreSQL what they say on SQLite, and as soon."""

from contextlib import closing

from API.app.compliance.examples import InMemory, outcomes
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.postgresql.checking import refused
from API.app.compliance.postgresql.guard import PostgresGuard
from API.app.compliance.postgresql.sandbox import OnPostgresql
from API.app.compliance.rulebook import Rulebook
from createDB.engine import database_url, open_engine
from createDB.views import Layout
from tests.compliance.postgresql.conftest import noting_reads
from tests.postgresql import execute_on

RULES = Library([SHIPPED]).rules.values()


def test_verdicts_and_evidence_are_the_same(url: str) -> None:
    engine, guard = open_engine(database_url(url)), PostgresGuard.open(database_url(url))
    place = OnPostgresql(Layout.COMPLETO, engine, guard)
    for rule in RULES:
        here = list(outcomes(rule, place))
        assert here == list(outcomes(rule, InMemory(Layout.COMPLETO))), rule.policy.id
        assert all(isinstance(said, tuple) for _, _, said in here)
    guard.close()
    engine.dispose()


OFTEN = """
    INSERT INTO servers (id_serv, num_agente, momento, recibido, fecha_hora, ipaddress, id_arranque)
    SELECT n, 1, n * 300000, '2026-11-20', '2026-11-20', '10.0.0.7', 'a'
    FROM generate_series(1, 2000) n
"""


def test_of_a_server_that_reports_often_few_reports_are_read(url: str) -> None:
    """What is judged with every report must not take longer each time."""
    execute_on(url, "INSERT INTO agentes (num_agente, id_agente) VALUES (1, 'a')")
    execute_on(url, OFTEN)
    asked = Rulebook(dict(enumerate(RULES))).with_reports
    with noting_reads(url) as reads, closing(PostgresGuard.open(database_url(url))) as guard:
        for number in asked:
            rule = list(RULES)[number]
            guard.run(rule.policy.consulta, 2_000, "", rule.scope.own)
    assert reads.whole + reads.by_key < 100 * len(asked)


def test_none_is_refused(url: str) -> None:
    assert list(refused(database_url(url), RULES)) == []
