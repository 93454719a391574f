"""The policies that come with it: each does what its examples say, in both layouts."""

import msgspec
import pytest

from API.app.compliance.examples import failures
from API.app.compliance.library import SHIPPED, Library, Rule, load

LIBRARY = Library([SHIPPED])


def test_there_are_enough_and_all_of_them_are_good() -> None:
    assert LIBRARY.problems == []
    assert len(LIBRARY.rules) >= 25


@pytest.mark.parametrize("rule", LIBRARY.rules.values(), ids=LIBRARY.rules)
def test_examples_hold(rule: Rule) -> None:
    assert rule.policy.ejemplos.cumple
    assert rule.policy.ejemplos.no_cumple
    assert list(failures(rule)) == []


@pytest.mark.parametrize("rule", LIBRARY.rules.values(), ids=LIBRARY.rules)
def test_each_says_where_it_comes_from(rule: Rule) -> None:
    assert (SHIPPED / f"{rule.policy.id}.yaml").exists()
    assert set(rule.policy.referencias) == {"CIS Controls v8", "PCI DSS 4.0", "ISO 27001:2022"}


def test_policies_on_names_of_processes_need_not_run_for_others() -> None:
    on_processes = [rule for rule in LIBRARY.rules.values() if "procesos" in rule.scope.facts]
    assert len(on_processes) > 15
    assert [rule.policy.id for rule in on_processes if rule.scope.names is None] == []


def test_a_query_that_looks_at_other_reports_fails_its_examples() -> None:
    rule = load(SHIPPED / "ftp.yaml")
    assert isinstance(rule, Rule)
    careless = rule.policy.consulta.replace("id_serv = :id_serv AND", "")
    broken = rule._replace(policy=msgspec.structs.replace(rule.policy, consulta=careless))
    assert list(failures(broken))
