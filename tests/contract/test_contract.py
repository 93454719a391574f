"""The contract is one file; the collector's wire model says the same of every report."""

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.report import InvalidReportError, Report, decode_report
from tests.conftest import load_contract
from tests.strategies import REPORTS, wrong_reports

SCHEMA = load_contract("report.schema.json")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def is_accepted(report: Any) -> bool:
    try:
        decode_report(json.dumps(report).encode())
    except InvalidReportError:
        return False
    return True


@pytest.mark.parametrize("name", ["first_generation.json", "complete.json"])
def test_examples_are_in_the_contract(name: str) -> None:
    report = load_contract(name)
    VALIDATOR.validate(report)
    assert is_accepted(report)


def test_both_know_the_same_fields() -> None:
    assert set(Report.__struct_fields__) == set(SCHEMA["properties"])


@given(report=REPORTS | wrong_reports())
def test_both_say_the_same_of_any_report(report: dict[str, Any]) -> None:
    assert is_accepted(report) == VALIDATOR.is_valid(report)


OTHER_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**53, 1.5, "", "x", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z",
    "2026-01-01 00:00:00.5+01:00", "3F1C9A52-6B1E-4C0D-9F3A-0D4F2F6F8A11", [], {}, {"a": "b"},
    {"a": 1}, [{}], ["x"],
)  # fmt: skip


@given(field=st.sampled_from(sorted(SCHEMA["properties"])), value=st.sampled_from(OTHER_VALUES))
def test_both_say_the_same_of_any_value(field: str, value: Any) -> None:
    report = copy.deepcopy(load_contract("complete.json")) | {field: value}
    assert is_accepted(report) == VALIDATOR.is_valid(report)
