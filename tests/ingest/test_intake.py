"""What a report says arrives at the process that writes, whoever reported what before."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.facts import Items
from API.app.ingest import spelling
from API.app.ingest.entry import entry_from_body
from API.app.ingest.intake import Intake, Received
from API.app.ingest.spelling import SHORT, Reader, Speller
from API.app.report import Report
from tests.ingest.conftest import AGENTS

Said = tuple[Report, dict[str, Items], str, str]

TEXTS = st.sampled_from(["sshd", "ñandú", "a}b", 'a"b', "a\\b", "x" * SHORT, ""])
STARTS = st.sampled_from(
    [None, "2026-11-20T10:00:00Z", "2026-11-20T10:00:00.125+02:00", "1969-12-31T23:59:59.9995Z"]
)
PROCESSES = st.fixed_dictionaries(
    {"pid": st.integers(0, 9), "name": TEXTS, "username": st.none() | TEXTS},
    optional={"inicio": STARTS, "otro": st.integers()},
)


def body(processes: list[Any], **more: Any) -> bytes:
    report = {
        "arquitectura_proc": "X86_64", "marca_proc": "CPU", "nombre_so": "Linux", "version_so": "1",
        "ipaddress": "10.0.0.1", "fecha_hora": "2026-11-20T10:00:00Z", "id_agente": AGENTS[0],
        "procesos": processes, "usuarios_activos": [{"name": "ana", "pid": 7}], **more,
    }  # fmt: skip
    return json.dumps(report).encode()


def alone(text: bytes) -> Said:
    """Read a report by itself."""
    entry = entry_from_body(text)
    return entry.report, as_lists(entry.lists), entry.id_agente, entry.id_reporte


def as_lists(lists: Any) -> dict[str, Items]:
    return {field: Items(*map(list, columns)) for field, columns in lists.items()}


class Connection:
    """Reads reports one after the other, and has them go over a connection."""

    def __init__(self) -> None:
        self.intake, self.speller, self.reader = Intake(), Speller(), Reader()

    def carried(self, text: bytes) -> Said:
        return self.over(self.intake.read(text))

    def over(self, received: Received) -> Said:
        report, lists, _, id_agente, id_reporte, vocabulary, passing = received
        found = self.reader.read(self.speller.spell(lists, vocabulary, passing))
        return report, as_lists(found), id_agente, id_reporte


@given(st.lists(st.lists(PROCESSES, max_size=6), max_size=4))
def test_each_report_says_what_it_says_by_itself(reports: list[list[Any]]) -> None:
    connection = Connection()
    for processes in reports:
        text = body(processes)
        assert connection.carried(text) == alone(text)


def test_a_list_that_could_not_be_gathered_says_nothing() -> None:
    connection = Connection()
    connection.carried(body([{"pid": 1, "name": "sshd"}]))
    text = body([{"pid": 1, "name": "sshd"}], errores={"procesos": "no permission"})
    assert connection.carried(text) == alone(text)


@pytest.fixture
def fleet() -> Iterator[bytes]:
    """Make reports of ever other servers."""
    return (
        body([{"pid": 1, "name": f"name {number}"}], id_agente=f"{AGENTS[0][:-6]}{number:06}")
        for number in count()
    )


def test_a_full_vocabulary_is_replaced(
    monkeypatch: pytest.MonkeyPatch, fleet: Iterator[bytes]
) -> None:
    monkeypatch.setattr(spelling, "REMEMBERED", 10)
    connection = Connection()
    first = next(fleet)
    waiting = connection.intake.read(first)
    for text in (first, *(next(fleet) for _ in range(50)), first):
        assert connection.carried(text) == alone(text)
    assert len(connection.intake._vocabulary.labels) <= 13
    assert connection.over(waiting) == alone(first)
    assert connection.carried(first) == alone(first)
