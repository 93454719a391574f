"""How labels go over a connection to the process that writes: spelled once, a number from then on.

A fleet's processes have some hundreds of labels (a name, and whose it is), and each report has
hundreds of items. Most of what it takes to hand one over would be the same texts, again and again.
"""

import sys
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from API.app.facts import Items, Label

REMEMBERED = 10_000
"""Labels that have numbers, before a vocabulary is full."""

SHORT = 300
"""Characters of a label that is worth remembering; an agent may make them up, and long ones too."""


class Numbered(NamedTuple):
    """`Items` of which the labels are numbers."""

    labels: "array[int]"
    pids: "array[int]"
    starts: Sequence[datetime | None]

    def packed(self) -> "Packed":
        """Give it as it goes over a connection."""
        return Packed(self.labels.tobytes(), self.pids.tobytes(), self.starts)


class Packed(msgspec.Struct, array_like=True, gc=False):
    """`Numbered` as it goes over a connection, within one machine: arrays as they lie."""

    labels: bytes
    pids: bytes
    starts: Sequence[datetime | None]

    def unpacked(self) -> Numbered:
        """Give it as it was."""
        return Numbered(array("i", self.labels), array("i", self.pids), self.starts)


class Spelled(msgspec.Struct, array_like=True, gc=False):
    """A report's lists as they go over a connection."""

    lists: dict[str, Packed]
    """By field."""
    new: dict[int, Label]
    """What numbers stand for from now on; those below 0, in this report alone."""


class Vocabulary:
    """The labels that a process has come across; the place of each is its number."""

    def __init__(self) -> None:
        self.labels: list[Label] = []
        self._numbers: dict[Label, int] = {}

    def is_full(self) -> bool:
        """Tell whether it is time for another."""
        return len(self.labels) > REMEMBERED

    def numbers(self, labels: Sequence[Label]) -> list[int | None]:
        """Give labels their numbers; None for one that is not worth remembering."""
        found = list(map(self._numbers.get, labels))
        return [self._number(label) for label in labels] if None in found else found

    def _number(self, label: Label) -> int | None:
        number = self._numbers.get(label)
        if number is None and is_short(label):
            number = self._numbers[label] = len(self.labels)
            self.labels.append(label)
        return number


class Speller:
    """The end of a connection that says what numbers stand for."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._told = 0

    def spell(
        self,
        lists: Mapping[str, Numbered],
        vocabulary: Vocabulary,
        passing: Mapping[int, Label],
    ) -> Spelled:
        """Give a report's lists as they go over; what is given must be sent before the next is.

        Args:
            lists: by field.
            vocabulary: in which their labels have numbers.
            passing: what numbers below 0 stand for.
        """
        if vocabulary is not self._vocabulary:
            self._vocabulary, self._told = vocabulary, 0
        new = dict(enumerate(vocabulary.labels[self._told :], self._told))
        self._told = len(vocabulary.labels)
        return Spelled({field: each.packed() for field, each in lists.items()}, {**new, **passing})


class Reader:
    """The end of a connection that knows what numbers stand for."""

    def __init__(self) -> None:
        self._labels: dict[int, Label] = {}

    def read(self, spelled: Spelled) -> dict[str, Items]:
        """Give a report's lists, by field; reports must be read in the order they were spelled."""
        for number, (name, value) in spelled.new.items():
            self._labels[number] = (sys.intern(name), value and sys.intern(value))
        lists = {field: self._items(packed.unpacked()) for field, packed in spelled.lists.items()}
        for number in spelled.new:
            if number < 0:
                del self._labels[number]
        return lists

    def _items(self, found: Numbered) -> Items:
        labels = list(map(self._labels.__getitem__, found.labels))
        return Items(labels, found.pids, found.starts)


def is_short(label: Label) -> bool:
    """Tell whether a label is worth remembering."""
    return len(label[0]) + len(label[1] or "") <= SHORT
