"""Gives every name that was ever reported a number, so that periods are small.

With a process id, the number of a fact's label (`hechos`: field, name, second text) is a *key*.
"""

from array import array
from collections.abc import Collection
from itertools import filterfalse
from operator import add
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.facts import LISTS, NOTHING, SYSTEM, Fact, Items, Label
from API.app.ingest.entry import Entry
from API.app.ingest.keys import NO_KEYS, Key, Keys, key_of
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
        self._keys: dict[str, dict[Label, Key]] = {}
        """Field -> label -> its key with the process id 0."""
        self._passing: dict[Name, Key] = {}
        """What `learn` last found, be it kept above or not."""

    def forget(self) -> None:
        """Drop what is remembered."""
        self._keys.clear()
        self._passing.clear()

    def observe(self, connection: Connection, field: str, items: Items) -> Observed:
        """Give the items of a fact their keys."""
        known = self._keys.setdefault(field, {})
        first = list(map(known.get, items.labels))
        if None in first:
            first = [
                known.get(label) or self._first_key(connection, field, label)
                for label in items.labels
            ]
        return Observed(array("q", map(add, first, items.pids)), items)

    def learn(self, connection: Connection, entries: Collection[Entry]) -> None:
        """Find the numbers of all that `entries` name, at once; they are known until the next."""
        wanted = {
            (fact.field, *label)
            for fact in LISTS + SYSTEM
            for label in self._unknown(fact, entries)
        }
        found = tables_of(connection).names(connection, wanted) if wanted else {}
        self._passing = {name: key_of(number, 0) for name, number in found.items()}
        for name, key in self._passing.items():
            self._keep(name, key)

    def _unknown(self, fact: Fact, entries: Collection[Entry]) -> set[Label]:
        known = self._keys.setdefault(fact.field, {})
        named = set[Label]()
        for entry in entries:
            items = entry.lists.get(fact.field) or fact.items(entry.report)
            named.update(filterfalse(known.__contains__, items.labels))
        if known and len(known) + len(named) >= REMEMBERED:
            known.clear()  # now, and not between what is found and what is asked for
            return self._unknown(fact, entries)
        return named

    def _first_key(self, connection: Connection, field: str, label: Label) -> Key:
        """Give the key that a label has with the process id 0."""
        name = (field, *label)
        key = self._passing.get(name)
        if key is None:
            key = key_of(tables_of(connection).names(connection, [name])[name], 0)
            self._keep(name, key)
        return key

    def _keep(self, name: Name, key: Key) -> None:
        known = self._keys.setdefault(name[0], {})
        if len(known) >= REMEMBERED:
            known.clear()
        label = (name[1], name[2])
        if is_short(label):
            known[label] = key
