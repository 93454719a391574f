"""Gives every name that was ever reported a number, so that periods are small.

With a process id, the number of a fact's label (`hechos`: field, name, second text) is a *key*.
"""

from collections.abc import Collection
from itertools import filterfalse
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.facts import LISTS, NOTHING, SYSTEM, Fact, Items, Label
from API.app.ingest.entry import Entry
from API.app.ingest.keys import NO_KEYS, Keys, keys_of
from API.app.ingest.spelling import is_short
from API.app.ingest.tables import Name, tables_of

REMEMBERED = 100_000
"""Labels kept in memory; an agent that makes up names does not fill it."""


class Observed(NamedTuple):
    """What one report has of one fact."""

    keys: "Keys[int]"
    """Of each item, in the order of `items`."""
    items: Items


NO_ITEMS = Observed(NO_KEYS, NOTHING)


class Labels:
    """The numbers of labels, as they are in `hechos`."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[Label, int]] = {}
        """Field -> label -> its number."""
        self._passing: dict[Name, int] = {}
        """What `learn` last found, be it kept above or not."""

    def forget(self) -> None:
        """Drop what is remembered."""
        self._numbers.clear()
        self._passing.clear()

    def observe(self, connection: Connection, field: str, items: Items) -> Observed:
        """Give the items of a fact their keys."""
        known = self._numbers.setdefault(field, {})
        numbers = list(map(known.get, items.labels))
        if None in numbers:
            numbers = [
                known.get(label) or self._number(connection, field, label) for label in items.labels
            ]
        return Observed(keys_of(numbers, items.pids), items)  # type: ignore[arg-type]

    def learn(self, connection: Connection, entries: Collection[Entry]) -> None:
        """Find the numbers of all that `entries` name, at once; they are known until the next."""
        wanted = {
            (fact.field, *label)
            for fact in LISTS + SYSTEM
            for label in self._unknown(fact, entries)
        }
        found = tables_of(connection).names(connection, wanted) if wanted else {}
        self._passing = dict(found)
        for name, number in found.items():
            self._keep(name, number)

    def _unknown(self, fact: Fact, entries: Collection[Entry]) -> set[Label]:
        known = self._numbers.setdefault(fact.field, {})
        named = set[Label]()
        for entry in entries:
            items = entry.lists.get(fact.field) or fact.items(entry.report)
            named.update(filterfalse(known.__contains__, items.labels))
        if known and len(known) + len(named) >= REMEMBERED:
            known.clear()  # now, and not between what is found and what is asked for
            return self._unknown(fact, entries)
        return named

    def _number(self, connection: Connection, field: str, label: Label) -> int:
        """Give the number of a label that is not remembered."""
        name = (field, *label)
        number = self._passing.get(name)
        if number is None:
            number = tables_of(connection).names(connection, [name])[name]
            self._keep(name, number)
        return number

    def _keep(self, name: Name, number: int) -> None:
        known = self._numbers.setdefault(name[0], {})
        if len(known) >= REMEMBERED:
            known.clear()
        label = (name[1], name[2])
        if is_short(label):
            known[label] = number
