"""How labels go over a connection to the process that writes: spelled once, a number from then on.

A fleet's processes have some hundreds of labels (a name, and whose it is), and each report has
hundreds of items. Most of what it takes to hand one over would be the same texts, again and again.
"""

import sys
from collections.abc import Mapping
from datetime import datetime

import msgspec

from API.app.facts import Items, Label

REMEMBERED = 10_000
"""Labels that a connection has numbers for, before it begins anew."""

SHORT = 300
"""Characters of a label that is worth remembering; an agent may make them up, and long ones too."""


class Numbered(msgspec.Struct, array_like=True, gc=False):
    """`Items` of which the labels are numbers."""

    labels: list[int]
    pids: list[int]
    starts: list[datetime | None]


class Spelled(msgspec.Struct, array_like=True, gc=False):
    """A report's lists as they go over a connection."""

    lists: dict[str, Numbered]
    """By field."""
    new: dict[int, Label]
    """What numbers stand for from now on; those below 0, in this report alone."""


class Speller:
    """The end of a connection that gives labels their numbers."""

    def __init__(self) -> None:
        self._numbers: dict[Label, int] = {}

    def spell(self, lists: Mapping[str, Items]) -> Spelled:
        """Number the labels of a report's lists; what is given must be sent before the next is."""
        if len(self._numbers) > REMEMBERED:
            self._numbers.clear()
        new: dict[int, Label] = {}
        numbered = {field: self._numbered(items, new) for field, items in lists.items()}
        return Spelled(numbered, new)

    def _numbered(self, items: Items, new: dict[int, Label]) -> Numbered:
        numbers = list(map(self._numbers.get, items.labels))
        if None in numbers:
            numbers = [self._number(label, new) for label in items.labels]
        return Numbered(numbers, items.pids, items.starts)  # type: ignore[arg-type]

    def _number(self, label: Label, new: dict[int, Label]) -> int:
        number = self._numbers.get(label)
        if number is None:
            if is_short(label):
                number = self._numbers[label] = len(self._numbers)
            else:
                number = -1 - len(new)
            new[number] = label
        return number


class Reader:
    """The end of a connection that knows what numbers stand for."""

    def __init__(self) -> None:
        self._labels: dict[int, Label] = {}

    def read(self, spelled: Spelled) -> dict[str, Items]:
        """Give a report's lists, by field; reports must be read in the order they were spelled."""
        for number, (name, value) in spelled.new.items():
            self._labels[number] = (sys.intern(name), value and sys.intern(value))
        lists = {field: self._items(numbered) for field, numbered in spelled.lists.items()}
        for number in spelled.new:
            if number < 0:
                del self._labels[number]
        return lists

    def _items(self, numbered: Numbered) -> Items:
        labels = list(map(self._labels.__getitem__, numbered.labels))
        return Items(labels, numbered.pids, numbered.starts)


def is_short(label: Label) -> bool:
    """Tell whether a label is worth remembering."""
    return len(label[0]) + len(label[1] or "") <= SHORT
