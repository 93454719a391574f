"""Labels are spelled once on a connection, and arrive as they were."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.facts import Items, Label
from API.app.ingest import spelling
from API.app.ingest.intake import Intake
from API.app.ingest.spelling import SHORT, Reader, Spelled, Speller
from tests.ingest.conftest import entry

TEXTS = st.sampled_from(["", "sshd", "root", "ñandú", "x" * SHORT, "y" * (SHORT + 1)])
LABELS = st.tuples(TEXTS, st.none() | TEXTS)
REPORTS = st.lists(st.dictionaries(st.sampled_from("ab"), st.lists(LABELS, max_size=6)))


class Serving:
    """A process that serves, and a connection of it."""

    def __init__(self) -> None:
        self.intake, self.speller = Intake(), Speller()

    def spell(self, lists: dict[str, Items]) -> Spelled:
        received = self.intake.spell(entry(0, 0, 0)._replace(lists=lists))
        return self.speller.spell(received.lists, received.vocabulary, received.passing)


def carried(spelled: Spelled) -> Spelled:
    """Send it over a connection."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(spelled), type=Spelled)


def items(labels: list[Label]) -> Items:
    return Items(labels, list(range(len(labels))), [])


@pytest.mark.parametrize("remembered", [0, 3, 10_000])
@given(reports=REPORTS)
def test_what_is_spelled_is_read(remembered: int, reports: list[dict[str, list[Label]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spelling, "REMEMBERED", remembered)
        serving, reader = Serving(), Reader()
        for labels in reports:
            lists = {field: items(each) for field, each in labels.items()}
            read = reader.read(carried(serving.spell(lists)))
            assert {field: tuple(map(list, each)) for field, each in read.items()} == lists


def test_a_label_is_spelled_once_and_a_long_one_each_time() -> None:
    serving = Serving()
    short, long = ("sshd", "root"), ("sshd", "r" * SHORT)
    assert [*serving.spell({"procesos": items([short, long, short, long])}).new.values()] == [
        short, long, long,
    ]  # fmt: skip
    assert [*serving.spell({"procesos": items([long, short])}).new.values()] == [long]


def test_what_agents_make_up_fills_no_memory() -> None:
    serving, reader = Serving(), Reader()
    for number in range(3 * spelling.REMEMBERED // 500):
        made_up = items([(f"{number}-{each}", None) for each in range(500)])
        reader.read(carried(serving.spell({"procesos": made_up})))
    assert len(serving.intake._vocabulary.labels) <= spelling.REMEMBERED + 500
    assert len(reader._labels) <= spelling.REMEMBERED + 500
