"""Emptying the spool: what a report that is refused or unreadable does to the others."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guest import Budget
from report import decode, encode
from sender import PROBES, Sender
from spool import REJECTED, Spool
from transport import Answer, Outcome, Transport, Verdict

from tests.agente.conftest import wait_for

ID = "019aa0c1-5e00-7abc-8def-{:012x}"
DRAINS = 30  # more than two reports need to be settled
TAKEN = Outcome(Verdict.DELIVERED)
PROXY = Outcome(Verdict.DISPUTED, "413 (text/html)", 0.0, Answer(413, "text/html", b"<html>"))
FIRST_GENERATION = Outcome(
    Verdict.DISPUTED, "400 locked", 0.0, Answer(400, "application/json", b'{"ERROR": "locked"}')
)
BUSY = Outcome(Verdict.NOT_NOW, "503", 7200.0)


class Scripted(Transport):
    """A way to a collector that answers as a function of a report's number says."""

    def __init__(self, answer: Callable[[int], Outcome]) -> None:
        self.url = "http://colector/servers"
        self.answer = answer
        self.sent: list[int] = []
        self.taken: list[int] = []

    def send(self, body: bytes) -> Outcome:
        """Note the report, and answer."""
        number = decode(body)["n"]
        outcome = self.answer(number)
        self.sent.append(number)
        if outcome.verdict is Verdict.DELIVERED:
            self.taken.append(number)
        return outcome

    def close(self) -> None:
        """Nothing is open."""


class Line:
    """A spool of numbered reports and what sends from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = Spool(folder, 1 << 20)

    def put(self, *numbers: int) -> None:
        """Add reports at the end."""
        for number in numbers:
            assert self.spool.put(ID.format(number), encode({"n": number})) == ""

    def sender(self, answer: Callable[[int], Outcome]) -> tuple[Sender, Scripted]:
        """What sends from the spool to a collector that answers so."""
        transport = Scripted(answer)
        return Sender(self.spool, transport, Budget(1.0), 300), transport

    def waiting(self) -> list[int]:
        """Which reports wait, in order."""
        return [number_of(name) for name in self.spool.names()]

    def rejected(self) -> list[int]:
        """Which reports lie in rechazados/."""
        return sorted(number_of(path.name) for path in (self.folder / REJECTED).glob("*.gz"))


def number_of(name: str) -> int:
    """The number of the report of that name."""
    return int(name.split("-")[5].partition(".")[0], 16)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.spool.close()


def refusing(outcome: Outcome, *numbers: int) -> Callable[[int], Outcome]:
    """A collector that takes every report but those."""
    return lambda number: outcome if number in numbers else TAKEN


@pytest.mark.parametrize("refusal", [PROXY, FIRST_GENERATION])
@pytest.mark.parametrize(
    ("count", "refused"), [(5, [1, 2]), (5, [1, 2, 3]), (9, [1, 2, 3, 4, 5, 6]), (9, [1, 2, 4, 7])]
)
def test_refused_reports_at_the_head_are_set_aside_once_another_one_passes(
    line: Line, refusal: Outcome, count: int, refused: list[int]
) -> None:
    line.put(*range(1, count + 1))
    sender, transport = line.sender(refusing(refusal, *refused))
    for number in range(DRAINS):
        sender.drain()
        line.put(100 + number)
    assert line.rejected() == refused
    assert len(transport.taken) == len(set(transport.taken))
    assert set(range(1, count + 1)) <= {*transport.taken, *refused}


def test_two_refused_reports_cost_no_other_report_its_place(line: Line) -> None:
    line.put(1, 2, 3, 4, 5)
    sender, transport = line.sender(refusing(PROXY, 1, 2))
    for _ in range(DRAINS):
        sender.drain()
    assert (line.rejected(), line.waiting(), transport.taken) == ([1, 2], [], [3, 4, 5])


def test_the_only_report_that_passes_is_found_wherever_it_waits(line: Line) -> None:
    line.put(*range(1, 21))
    sender, transport = line.sender(refusing(PROXY, *range(1, 12), *range(13, 21)))
    for _ in range(DRAINS):
        sender.drain()
    assert transport.taken == [12]
    assert line.rejected() == [1]


@pytest.mark.parametrize("refusal", [PROXY, FIRST_GENERATION])
def test_while_nothing_is_taken_everything_waits(line: Line, refusal: Outcome) -> None:
    line.put(1, 2, 3, 4, 5)
    sender, _ = line.sender(lambda _: refusal)
    for _ in range(DRAINS):
        assert sender.drain() > 0
    assert line.waiting() == [1, 2, 3, 4, 5]
    assert line.rejected() == []


def test_probes_are_bounded(line: Line) -> None:
    line.put(*range(1, 101))
    sender, transport = line.sender(lambda _: PROXY)
    for _ in range(DRAINS):
        before = len(transport.sent)
        sender.drain()
        assert len(transport.sent) - before <= 1 + PROBES


def test_a_report_that_was_refused_by_chance_is_not_set_aside(line: Line) -> None:
    line.put(1, 2, 3)
    recovered: list[int] = []

    def recovers_at_the_third(number: int) -> Outcome:
        recovered.extend([number] if number == 3 else [])
        return TAKEN if recovered else FIRST_GENERATION

    sender, transport = line.sender(recovers_at_the_third)
    for _ in range(DRAINS):
        sender.drain()
    assert line.rejected() == []
    assert sorted(transport.taken) == [1, 2, 3]


def test_a_probe_that_is_put_off_ends_the_probing_and_its_pause_is_kept(line: Line) -> None:
    line.put(1, 2, 3)
    sender, transport = line.sender(lambda number: PROXY if number == 1 else BUSY)
    pauses = [sender.drain() for _ in range(5)]
    assert pauses[-1] == BUSY.pause
    assert 3 not in transport.sent
    assert line.waiting() == [1, 2, 3]


def in_the_way(line: Line, number: int) -> Path:
    """A folder in the place of a report, which nobody can read, not even root."""
    path = line.folder / next(n for n in line.spool.names() if number_of(n) == number)
    path.unlink()
    path.mkdir()
    return path


def test_a_report_that_cannot_be_read_holds_up_no_other_and_stays(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    line.put(1, 2, 3, 4)
    paths = [in_the_way(line, number) for number in (1, 3)]
    sender, transport = line.sender(lambda _: TAKEN)
    for _ in range(3):
        assert sender.drain() == 0
    assert transport.taken == [2, 4]
    assert all(path.is_dir() for path in paths)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no puedo leer" in said
    assert str(paths[0]) in said


def test_a_report_that_can_be_read_again_is_delivered(line: Line) -> None:
    line.put(1, 2)
    path = in_the_way(line, 1)
    sender, transport = line.sender(lambda _: TAKEN)
    sender.drain()
    path.rmdir()
    path.write_bytes(encode({"n": 1}))
    sender.drain()
    assert transport.taken == [2, 1]
    assert line.waiting() == []


def test_an_unreadable_report_is_no_probe(line: Line) -> None:
    line.put(1, 2, 3)
    in_the_way(line, 2)
    sender, transport = line.sender(refusing(PROXY, 1))
    for _ in range(DRAINS):
        sender.drain()
    assert (line.rejected(), transport.taken, line.waiting()) == ([1], [3], [2])


def test_a_report_that_cannot_be_set_aside_holds_up_no_other(line: Line) -> None:
    line.put(1, 2)
    (line.folder / REJECTED).write_text("in the way")
    sender, transport = line.sender(refusing(Outcome(Verdict.WRONG, "400"), 1))
    sender.drain()
    assert transport.taken == [2]
    assert line.waiting() == [1]


def test_a_sender_rests_while_only_unreadable_reports_wait(line: Line) -> None:
    line.put(1, 2)
    in_the_way(line, 1)
    sender, transport = line.sender(lambda _: TAKEN)
    drains = count_drains(sender)
    thread = threading.Thread(target=sender.run)
    thread.start()
    wait_for(lambda: transport.taken == [2])
    line.put(3)
    sender.wake()
    wait_for(lambda: transport.taken == [2, 3])
    sender.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert len(drains) <= 3


def count_drains(sender: Sender) -> list[float]:
    """The pauses that a sender's drains ask for, as they come."""
    pauses: list[float] = []
    drain = sender.drain

    def counted() -> float:
        pauses.append(drain())
        return pauses[-1]

    sender.drain = counted  # type: ignore[method-assign]
    return pauses


def test_several_collectors_are_spoken_of_as_such(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    line.put(1)
    sender, transport = line.sender(lambda _number: Outcome(Verdict.NOT_NOW, transport.url))
    for transport.url in ("http://uno", "http://uno, http://dos"):
        sender.drain()
    one, two = capsys.readouterr().err.splitlines()
    assert one.startswith("agente: http://uno no recibe (")
    assert two.startswith("agente: http://uno, http://dos no reciben (")
