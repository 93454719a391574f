"""The policies that come with it say of their examples on PostgreSQL what they say on SQLite."""

from API.app.compliance.examples import InMemory, outcomes
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.postgresql.checking import refused
from API.app.compliance.postgresql.guard import PostgresGuard
from API.app.compliance.postgresql.sandbox import OnPostgresql
from createDB.engine import database_url, open_engine
from createDB.views import Layout

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


def test_none_is_refused(url: str) -> None:
    assert list(refused(database_url(url), RULES)) == []
