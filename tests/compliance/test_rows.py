"""Queries over the rows of one report at hand: they find what they find in the tables and views."""

import random

import pytest

from API.app.compliance.guard import ROWS, QueryError
from API.app.compliance.guards import FileGuard
from API.app.compliance.library import SHIPPED, Library
from createDB.engine import database_path
from createDB.views import Layout
from tests.compliance.conftest import NewTrial
from tests.ingest.conftest import entry, processes

NAMES = ("xmrig", "sshd", "java", "bash", "in.telnetd", "auditd", "tcpdump", "X\u00e9'; --")
OWN = [rule for rule in Library([SHIPPED]).rules.values() if rule.scope.own]


def test_most_policies_look_at_their_report_alone() -> None:
    assert len(OWN) >= 25


@pytest.mark.parametrize("layout", Layout)
def test_the_rows_at_hand_are_the_rows_of_the_report(new_trial: NewTrial, layout: Layout) -> None:
    trial, chance = new_trial(layout), random.Random(5)
    for number in range(24):
        chosen = [(pid, chance.choice(NAMES), chance.choice(["root", "www-data", None]))
                  for pid in range(1, chance.randint(1, 30))]  # fmt: skip
        sessions = [{"pid": chance.choice([7, None]), "name": chance.choice(["root", "admin"])}]
        errors = {"usuarios_activos": "no"} if number % 5 == 0 else {}
        trial.stores(entry(number % 3, number, number, procesos=processes(*chosen), errores=errors,
                           usuarios_activos=[] if errors else sessions))  # fmt: skip
    guard, found = trial.court.guard, 0
    for id_serv in (*range(1, 25), 3, 17, 99):
        for rule in OWN:
            query = rule.policy.consulta
            at_hand = guard.run(query, id_serv, "", rule.scope.own)
            assert sorted(map(str, at_hand.rows)) == sorted(
                map(str, guard.run(query, id_serv, "").rows)
            ), rule.policy.id
            found += len(at_hand.rows)
    assert found > 100


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "query",
    ["DELETE FROM procesos", "INSERT INTO procesos VALUES (1, 1, 'a', 'b')", "DROP TABLE procesos",
     "SELECT * FROM sqlite_temp_master", "SELECT hash FROM credenciales",
     "SELECT 1) LIMIT 1; DELETE FROM procesos; --",
     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"],
)  # fmt: skip
def test_there_too_a_query_can_only_read_and_not_for_long(new_trial: NewTrial, query: str) -> None:
    trial = new_trial(Layout.COMPACTO)
    trial.stores(entry(0, 1, 1, procesos=processes((1, "xmrig"))))
    guard = FileGuard.open(database_path(trial.url))
    with pytest.raises(QueryError):
        guard.run(query, 1, "", frozenset(ROWS))
    rows = guard.run("SELECT name FROM procesos", 1, "", frozenset(ROWS)).rows
    assert rows == [{"name": "xmrig"}]
    guard.close()
