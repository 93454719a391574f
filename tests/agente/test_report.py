"""The report's shape: the contract, from the agent's side."""

import gzip
import json
import re
import socket
import time
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import report
from report import clean_text, report_uuid, to_the_second

from tests.agente.conftest import ROOT, AgentRunner

CONTRACT = ROOT / "tests" / "contract"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def validator() -> Any:
    schema = json.loads((CONTRACT / "report.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("options", [(), ("--interval", "300")])
def test_the_report_of_this_machine_keeps_the_contract(
    agent: AgentRunner, validator: Any, options: tuple[str, ...]
) -> None:
    agent.config.write_text("[agente]\nintervalo = 300\n" if options else "")
    found = agent.printed()
    validator.validate(found)
    complete = json.loads((CONTRACT / "complete.json").read_text())
    expected = complete.keys() - {"campo_de_un_agente_futuro"}
    assert found.keys() == (expected if options else expected - {"intervalo"})


def test_the_facts_are_those_of_this_machine(agent: AgentRunner) -> None:
    found = agent.printed()
    assert found["hostname"] == socket.gethostname()
    assert found["arquitectura_proc"] == found["arquitectura_proc"].upper()
    assert any(entry["pid"] == found["pid_agente"] for entry in found["procesos"])
    moment = datetime.fromisoformat(found["fecha_hora"])
    assert found["fecha_hora"].endswith("+00:00")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


def test_print_sends_nothing_and_spools_nothing(agent: AgentRunner) -> None:
    agent.config.write_text("[api]\nurl = http://127.0.0.1:9\n")
    first, second = agent.printed(), agent.printed()
    assert first["id_agente"] == second["id_agente"]
    assert first["id_reporte"] != second["id_reporte"]
    assert not agent.spool.exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("señor", "señor"),
        (b"caf\xe9", "caf\\xe9"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        (b"a\0b", "a\\x00b"),
        ("x" * 5000, "x" * 4096),
        (b"\xff" * 5000, ("\\xff" * 5000)[:4096]),
        ("\U0001f600" * 4096, "\U0001f600" * 4096),
        ("two\nlines\x1b[31m", "two\nlines\x1b[31m"),
        ("", ""),
    ],
)
def test_text_is_unicode_without_nul_and_bounded(value: str | bytes, text: str) -> None:
    assert clean_text(value) == text


def test_a_lone_surrogate_that_stands_for_no_byte_is_written_out() -> None:
    assert clean_text("a\ud800") == "a\\xed\\xa0\\x80"


def test_report_ids_are_uuids_that_sort_by_time() -> None:
    ids = [report_uuid(milliseconds) for milliseconds in (1, 1000, 1_700_000_000_000)]
    assert ids == sorted(ids)
    found = UUID.fullmatch(report_uuid())
    assert found
    assert found[1] == "7"
    milliseconds = int(report_uuid().replace("-", "")[:12], 16)
    assert abs(milliseconds / 1000 - time.time()) < 10
    random = UUID.fullmatch(report.random_uuid())
    assert random
    assert random[1] == "4"


def test_moments_are_rfc_3339_to_the_second() -> None:
    assert to_the_second(1_793_512_801.99) == "2026-11-01T06:00:01Z"


def test_what_is_encoded_is_decoded() -> None:
    original = {"procesos": [{"name": "ñ \\xe9 \n"}]}
    assert report.decode(report.encode(original)) == original


@pytest.mark.parametrize(
    "body",
    [b"", b"plain", gzip.compress(b"[]"), gzip.compress(b"{"), gzip.compress(b"{}")[:-5]],
    ids=["empty", "not packed", "a list", "no JSON", "cut"],
)
def test_what_is_no_report_is_told(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        report.decode(body)
