"""Gives every name that was ever reported a number, so that periods are small.

A fact's label (`hechos`: field, name, second text) with a process id is a *key*, in one number.
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from operator import add
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.facts import NO_PID, NOTHING, Items, Label

REMEMBERED = 100_000
"""Labels kept in memory; an agent that makes up names does not fill it."""

SHORT = 300
"""Labels of more characters are looked up each time: memory is for those that come again."""

Key = int
"""`id_hecho << 32 | pid + 1`; without a process id the lower half is 0."""

_FIND = "SELECT id_hecho FROM hechos WHERE campo = ? AND nombre = ? AND valor IS ?"
_INSERT = "INSERT INTO hechos (campo, nombre, valor) VALUES (?, ?, ?) RETURNING id_hecho"


def key_of(id_hecho: int, pid: int) -> Key:
    """Put the columns `id_hecho` and `pid` together."""
    return (id_hecho << 32) + pid - NO_PID


def parts_of(key: Key) -> tuple[int, int]:
    """Give the columns `id_hecho` and `pid`."""
    return key >> 32, (key & 0xFFFFFFFF) + NO_PID


Keys = array
"""Of the items of one report, in their order, one as often as it stands there; 8 bytes each."""

NO_KEYS: "Keys[int]" = array("q")


def counted(keys: "Keys[int]") -> Mapping[Key, int]:
    """Give how often each key is there."""
    counts = dict.fromkeys(keys, 1)
    return counts if len(counts) == len(keys) else Counter(keys)


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

    def forget(self) -> None:
        """Drop what is remembered."""
        self._keys.clear()

    def observe(self, connection: Connection, field: str, items: Items) -> Observed:
        """Give the items of a fact their keys."""
        known = self._keys.setdefault(field, {})
        first = [
            known.get(label) or self._first_key(connection, field, label)
            for label in items.labels()
        ]
        return Observed(array("q", map(add, first, items.pids)), items)

    def _first_key(self, connection: Connection, field: str, label: Label) -> Key:
        """Give the key that a label has with the process id 0."""
        known = self._keys[field]
        if len(known) >= REMEMBERED:
            known.clear()
        row = (field, *label)
        found = connection.exec_driver_sql(_FIND, row).scalar()
        key = key_of(found or connection.exec_driver_sql(_INSERT, row).scalar_one(), 0)
        if len(label[0]) + len(label[1] or "") <= SHORT:
            known[label] = key
        return key
