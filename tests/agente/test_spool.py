"""The spool: what waits, in which order, what goes when there is no room."""

import gzip
import os
from pathlib import Path

import durable
import pytest
import report
import spool
from spool import REJECTED_AT_MOST, Spool, SpoolBusyError, State, parse_state, read_state

ID = "019aa0c1-5e00-7abc-8def-{:012x}"


def body(number: int, size: int = 10) -> bytes:
    """A report that takes about so many bytes, packed."""
    return report.encode({"n": number, "x": os.urandom(size).hex()})


def fill(waiting: Spool, count: int, size: int = 10) -> None:
    """Put so many reports."""
    for number in range(count):
        assert waiting.put(ID.format(number), body(number, size)) == ""


def numbers(waiting: Spool) -> list[int]:
    """Which reports wait, in order."""
    return [int(name.split("-")[5].partition(".")[0], 16) for name in waiting.names()]


def test_reports_wait_in_order_even_when_the_clock_is_set_back(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    for number in (5, 3, 4):
        waiting.put(ID.format(number), body(number))
    waiting.close()
    again = Spool(tmp_path, 1 << 20)
    again.put(ID.format(1), body(1))
    assert numbers(again) == [5, 3, 4, 1]
    again.close()


def test_past_the_limit_the_oldest_go_and_are_counted_for_good(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 20_000)
    fill(waiting, 10, size=2000)
    left = numbers(waiting)
    assert left == list(range(10 - len(left), 10))
    assert waiting.dropped == 10 - len(left) > 0
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.glob("*.gz")) <= 20_000
    waiting.close()
    assert read_state(tmp_path).descartados == 10 - len(left)
    again = Spool(tmp_path, 20_000)
    assert again.dropped == 10 - len(left)
    again.close()


def test_small_reports_keep_to_the_limit_too(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1 << 16)
    fill(waiting, 30)
    waiting.close()
    taken = [path.stat().st_blocks * 512 for path in tmp_path.glob("*.gz")]
    assert sum(taken) <= 1 << 16
    assert len(taken) < 30


def test_the_newest_stays_even_if_it_is_larger_than_the_limit(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1000)
    fill(waiting, 2, size=5000)
    assert numbers(waiting) == [1]
    waiting.close()


def test_a_report_on_its_way_is_not_dropped(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 20_000)
    fill(waiting, 2, size=2000)
    first = waiting.names()[0]
    assert waiting.take(first)
    fill(waiting, 4, size=2000)
    assert waiting.names()[0] == first
    waiting.delivered(first)
    assert first not in waiting.names()
    waiting.close()


def test_a_full_spool_goes_on_when_its_oldest_entry_cannot_be_removed(tmp_path: Path) -> None:
    (tmp_path / f"000000000001-{ID.format(1)}.json.gz").mkdir()
    waiting = Spool(tmp_path, 1)
    fill(waiting, 1)
    assert (numbers(waiting), waiting.dropped) == ([0], 1)
    waiting.close()
    again = Spool(tmp_path, 1)
    assert (numbers(again), again.dropped) == ([0], 1)
    again.close()


def test_a_second_agent_is_refused_and_a_kill_leaves_no_lock(tmp_path: Path) -> None:
    first = Spool(tmp_path, 1000)
    with pytest.raises(SpoolBusyError):
        Spool(tmp_path, 1000)
    first.close()
    Spool(tmp_path, 1000).close()


def test_half_written_files_are_cleaned_at_start_and_strangers_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".000000000001-x.json.gz.77.tmp").write_bytes(b"half")
    (tmp_path / "notas.txt").write_text("of the operator")
    (tmp_path / "otro.json.gz").write_text("of somebody")
    waiting = Spool(tmp_path, 1000)
    assert waiting.names() == []
    assert waiting.cleaned == 1
    assert {path.name for path in tmp_path.iterdir()} == {"notas.txt", "otro.json.gz"}
    waiting.close()


def test_a_report_that_somebody_removed_is_forgotten(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, 2)
    name = waiting.names()[0]
    (tmp_path / name).unlink()
    assert waiting.take(name) is None
    assert numbers(waiting) == [1]
    waiting.close()


def test_the_oldest_is_found_without_looking_at_the_others(tmp_path: Path) -> None:
    looked: list[str] = []

    class Passed(set[str]):
        def __contains__(self, name: object) -> bool:
            looked.append(str(name))
            return super().__contains__(name)

    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, 9)
    first, second, *_ = waiting.names()
    assert waiting.oldest(Passed()) == first
    assert waiting.oldest(Passed([first])) == second
    assert looked == [first, first, second]
    waiting.close()
    assert Spool(tmp_path / "empty", 1 << 20).oldest() is None


def test_what_the_disk_does_not_take_waits_in_memory_and_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, 1)
    no_space(monkeypatch)
    assert "No space left" in waiting.put(ID.format(1), body(1))
    assert numbers(waiting) == [0, 1]
    assert waiting.take(waiting.names()[1])
    monkeypatch.undo()
    assert waiting.put(ID.format(2), body(2)) == ""
    assert len(list(tmp_path.glob("*.gz"))) == 3
    assert numbers(waiting) == [0, 1, 2]
    assert waiting.close() == 0


def test_the_same_trouble_of_two_reports_is_the_same(tmp_path: Path) -> None:
    waiting = Spool(tmp_path / "spool", 1 << 20)
    (tmp_path / "spool").rmdir()
    said = {waiting.put(ID.format(number), body(number)) for number in range(3)}
    assert said == {f"No such file or directory: {tmp_path / 'spool'}"}
    waiting.close()


def test_an_entry_that_the_disk_cannot_tell_of_does_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / f"000000000001-{ID.format(1)}.json.gz").symlink_to("itself")
    (tmp_path / "itself").symlink_to("itself")
    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, 1)
    with pytest.raises(OSError, match="symbolic links"):
        waiting.take(waiting.names()[0])
    assert len(waiting.names()) == 2
    waiting.close()


def test_what_is_lost_with_a_full_disk_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    no_space(monkeypatch)
    waiting.put(ID.format(1), body(1))
    assert waiting.close() == 1
    assert waiting.dropped == 1


def test_memory_is_bounded_while_the_disk_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    no_space(monkeypatch)
    monkeypatch.setattr(spool, "HELD_AT_MOST", 10_000)
    for number in range(10):
        waiting.put(ID.format(number), body(number, 2000))
    assert 0 < len(waiting.names()) < 10
    assert waiting.dropped == 10 - len(waiting.names())
    waiting.close()


def no_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every write fail as on a full disk, until undone."""

    def write(path: Path, _: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(durable, "write", write)


def test_a_crash_between_counting_and_removing_does_not_count_twice(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, 2)
    name = waiting.names()[0]
    waiting.close()
    state = State(descartados=1, cayendo=name)
    durable.write(tmp_path / spool.STATE, json_of(state))
    again = Spool(tmp_path, 1 << 20)
    assert again.dropped == 1
    assert numbers(again) == [1]
    again.close()


def json_of(state: State) -> bytes:
    """A state as it is written."""
    import json

    return json.dumps(state._asdict()).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"descartados": "1"}',
        b'{"descartados": -1}',
        b'{"cayendo": "../../identidad.json"}',
        b'{"otro": 1}',
    ],
)
def test_a_damaged_state_counts_as_none(data: bytes) -> None:
    assert parse_state(data) == State()


def test_rejected_reports_are_kept_with_the_answer_and_bounded(tmp_path: Path) -> None:
    waiting = Spool(tmp_path, 1 << 20)
    fill(waiting, REJECTED_AT_MOST + 5)
    for name in waiting.names():
        waiting.set_aside(name, "400 Bad Request\n" + "x" * 100_000)
    aside = tmp_path / "rechazados"
    assert len(list(aside.glob("*.gz"))) == REJECTED_AT_MOST
    answers = list(aside.glob("*.respuesta.txt"))
    assert len(answers) == REJECTED_AT_MOST
    assert max(path.stat().st_size for path in answers) <= spool.ANSWER_AT_MOST
    waiting.close()


def test_disputes_are_counted_over_restarts(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        waiting = Spool(tmp_path, 1 << 20)
        if expected == 1:
            fill(waiting, 1)
        assert waiting.dispute(waiting.names()[0]) == expected
        waiting.close()


def test_reports_are_readable_with_zcat_by_their_owner_only(tmp_path: Path) -> None:
    waiting = Spool(tmp_path / "new" / "spool", 1 << 20)
    fill(waiting, 1)
    [path] = (tmp_path / "new" / "spool").glob("*.gz")
    assert gzip.decompress(path.read_bytes()).startswith(b'{"n":0')
    assert path.stat().st_mode & 0o077 == 0
    waiting.close()
