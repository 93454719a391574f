"""What is read with the help of a server's last report is what stands in this one, byte by byte."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.facts import Items, ms_of
from API.app.ingest import intake, spelling
from API.app.ingest.entry import entry_from_body
from API.app.ingest.intake import Intake, Received
from API.app.ingest.spelling import SHORT, Reader, Speller
from API.app.report import InvalidReportError, Report, decode_processes
from tests.ingest.conftest import AGENTS

Said = tuple[Report, dict[str, Items], str, str]

TEXTS = st.sampled_from(
    ["sshd", "ñandú", "a}b", "a]b", "a{b", 'a"b', "a\\b", "},{", '"procesos":[', "x" * SHORT, ""]
)
STARTS = st.sampled_from(
    [None, "2026-11-20T10:00:00Z", "2026-11-20T10:00:00.125+02:00", "1969-12-31T23:59:59.9995Z"]
)
PROCESSES = st.fixed_dictionaries(
    {"pid": st.integers(0, 9), "name": TEXTS, "username": st.none() | TEXTS},
    optional={"inicio": STARTS, "otro": st.integers()},
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "replace", "remove"]), st.integers(0, 9), PROCESSES),
    max_size=4,
)
WRITTEN: tuple[Callable[[Any], str], ...] = (
    lambda report: json.dumps(report, ensure_ascii=False, separators=(",", ":")),
    json.dumps,
    lambda report: json.dumps(report, indent=1),
)
PIECES = st.sampled_from(
    ["}", "{", "]", "[", ",", '"', "\\", " ", "\n", "},{", '"procesos":[', '"procesos"', "\\u0070",
     "[]", '{"pid":1,"name":"x"}', ',{"pid":1,"name":"x"}', '"otro":[{}],', "\0", "9999-12-31"]
)  # fmt: skip
DAMAGES = st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 3), PIECES), max_size=3)


def body(processes: list[Any], written: Callable[[Any], str] = WRITTEN[0], **more: Any) -> bytes:
    report = {
        "arquitectura_proc": "X86_64", "marca_proc": "CPU", "nombre_so": "Linux", "version_so": "1",
        "ipaddress": "10.0.0.1", "fecha_hora": "2026-11-20T10:00:00Z", "id_agente": AGENTS[0],
        "procesos": processes, "usuarios_activos": [{"name": "ana", "pid": 7}], **more,
    }  # fmt: skip
    return written(report).encode()


def told(read: Callable[[bytes], Said], text: bytes) -> Said | list[str]:
    """Give what a report says, or what is wrong with it."""
    try:
        return read(text)
    except InvalidReportError as error:
        return error.problems


def whole(text: bytes) -> Said:
    """Read a report by itself."""
    entry = entry_from_body(text)
    lists = {field: in_ms(items) for field, items in entry.lists.items()}
    return entry.report, lists, entry.id_agente, entry.id_reporte


class Connection:
    """Reads reports one after the other, and has them go over a connection."""

    def __init__(self) -> None:
        self.intake, self.speller, self.reader = Intake(), Speller(), Reader()

    def carried(self, text: bytes) -> Said:
        return self.over(self.intake.read(text))

    def over(self, received: Received) -> Said:
        report, lists, _, id_agente, id_reporte, vocabulary, passing = received
        found = self.reader.read(self.speller.spell(lists, vocabulary, passing))
        return report, {f: in_ms(items) for f, items in found.items()}, id_agente, id_reporte


def in_ms(items: Items) -> Items:
    return Items(list(items.labels), list(items.pids), [ms_of(start) for start in items.starts])


@given(st.lists(PROCESSES, max_size=6), st.lists(CHANGES, max_size=4), st.sampled_from(WRITTEN))
def test_each_report_says_what_it_says_by_itself(
    processes: list[Any], changes: list[Any], written: Callable[[Any], str]
) -> None:
    connection = Connection()
    for change in [[], *changes]:
        for what, place, process in change:
            processes[place : place + (what != "put")] = [] if what == "remove" else [process]
        text = body(processes, written)
        assert connection.carried(text) == whole(text)


@given(st.lists(PROCESSES, min_size=1, max_size=4), DAMAGES, st.sampled_from(WRITTEN))
def test_a_wrong_report_is_as_wrong_as_by_itself(
    processes: list[Any], damages: list[tuple[int, int, str]], written: Callable[[Any], str]
) -> None:
    connection = Connection()
    text = body(processes, written)
    connection.carried(text)
    for place, length, piece in damages:
        at = place % len(text)
        text = text[:at] + piece.encode() + text[at + length :]
        assert told(connection.carried, text) == told(whole, text)


@pytest.mark.parametrize(
    "wrong",
    [
        '"procesos":[{"pid":1,"name":"sshd"}x{"pid":2,"name":"cron"}]',
        '"procesos":[{"pid":1,"name":"sshd"}{"pid":2,"name":"cron"}]',
        '"procesos":[,{"pid":1,"name":"sshd"}]',
        '"procesos":[{"pid":1,"name":"sshd"},]',
        '"procesos":[{"pid":1,"name":"sshd"}],"procesos":[]',
        '"procesos":[],"procesos":[{"pid":1,"name":"sshd"},{"pid":2,"name":"cron"}]',
        '"procesos":null,"errores":{"procesos":"a"}',
        '"procesos":[{"pid":1,"name":"sshd","inicio":"0001-01-01T00:00:00Z"}]',
        '"procesos":[{"pid":1,"name":"sshd"},{"pid":-2,"name":"cron"}]',
        '"proceso\\u0073":[{"pid":1,"name":"sshd"},{"pid":2,"name":"cron"}]',
        '"procesos":[{"pid":1,"name":"sshd"}}{"pid":2,"name":"cron"}]',
        '"procesos":[{"pid":1,"name":"sshd"},{"pid":2,"name":"cron"}}]',
        '"procesos":[{"pid":1,"name":"sshd"},{"pid":2,"name":"cron"},{"pid":3,"name":{}}]',
    ],
)
def test_what_is_not_plain_is_read_as_a_whole(wrong: str) -> None:
    connection = Connection()
    known = body([{"pid": 1, "name": "sshd"}, {"pid": 2, "name": "cron"}])
    connection.carried(known)
    text = known.replace(
        b'"procesos":[{"pid":1,"name":"sshd"},{"pid":2,"name":"cron"}]', wrong.encode()
    )
    assert text != known
    assert told(connection.carried, text) == told(whole, text)


def test_only_what_is_new_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []

    def decode(text: bytes) -> Any:
        decoded.append(text)
        return decode_processes(text)

    monkeypatch.setattr(intake, "decode_processes", decode)
    connection = Connection()
    running = [{"pid": pid, "name": "sshd"} for pid in range(5)]
    connection.carried(body(running))
    running[3] = {"pid": 9, "name": "cron"}
    connection.carried(body([*running, {"pid": 10, "name": "new"}]))
    del running[0], running[1]
    connection.carried(body(running))
    assert decoded[1:] == [b',{"pid":9,"name":"cron"},{"pid":10,"name":"new"}']
    decoded.clear()
    connection.carried(body([{"pid": 0, "name": "init"}, *running, {"pid": 11, "name": "new"}]))
    assert decoded == [b',{"pid":0,"name":"init"},{"pid":11,"name":"new"}']


def test_a_list_that_could_not_be_gathered_says_nothing() -> None:
    connection = Connection()
    connection.carried(body([{"pid": 1, "name": "sshd"}]))
    text = body([{"pid": 1, "name": "sshd"}], errores={"procesos": "no permission"})
    assert connection.carried(text) == whole(text)


@pytest.fixture
def fleet() -> Iterator[bytes]:
    """Make reports of ever other servers."""
    return (
        body([{"pid": 1, "name": f"name {number}"}], id_agente=f"{AGENTS[0][:-6]}{number:06}")
        for number in count()
    )


def test_a_fleet_that_is_too_large_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch, fleet: Iterator[bytes]
) -> None:
    monkeypatch.setattr(intake, "MEMORY", 5_000)
    connection = Connection()
    first = next(fleet)
    for text in (first, *(next(fleet) for _ in range(50)), first):
        assert connection.carried(text) == whole(text)
        assert connection.intake._latest._size <= intake.MEMORY
    assert len(connection.intake._latest._of) == 6
    monkeypatch.setattr(intake, "KEPT_S", 0.0)
    for _ in range(20):
        connection.carried(next(fleet))
    assert len(connection.intake._latest._of) == 6


def test_a_full_vocabulary_is_replaced(
    monkeypatch: pytest.MonkeyPatch, fleet: Iterator[bytes]
) -> None:
    monkeypatch.setattr(spelling, "REMEMBERED", 10)
    connection = Connection()
    first = next(fleet)
    waiting = connection.intake.read(first)
    for text in (first, *(next(fleet) for _ in range(50)), first):
        assert connection.carried(text) == whole(text)
    assert len(connection.intake._vocabulary.labels) <= 13
    assert connection.over(waiting) == whole(first)
    assert connection.carried(first) == whole(first)
