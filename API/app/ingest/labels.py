"""Gives every name that was ever reported a number, so that periods are small.

A fact's label (`hechos`: field, name, second text) with a process id is a *key*, in one number.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from API.app.facts import Fact, Label
from API.app.report import Report

REMEMBERED = 100_000
"""Labels kept in memory; an agent that makes up names does not fill it."""

Key = int
"""`id_hecho << 32 | pid + 1`; without a process id the lower half is 0."""

_FIND = "SELECT id_hecho FROM hechos WHERE campo = ? AND nombre = ? AND valor IS ?"
_INSERT = "INSERT INTO hechos (campo, nombre, valor) VALUES (?, ?, ?) RETURNING id_hecho"


def key_of(id_hecho: int, pid: int | None) -> Key:
    """Put a key together."""
    return id_hecho << 32 | (0 if pid is None else pid + 1)


def parts_of(key: Key) -> tuple[int, int]:
    """Give the columns `id_hecho` and `pid`; -1 stands for no process id."""
    return key >> 32, (key & 0xFFFFFFFF) - 1


class Labels:
    """The numbers of labels, as they are in `hechos`."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[Label, int]] = {}

    def forget(self) -> None:
        """Drop what is remembered."""
        self._numbers.clear()

    def observe(self, connection: Connection, fact: Fact, report: Report) -> Mapping[Key, int]:
        """Count the equal items that `report` has of `fact`, by their key."""
        items = fact.items(report)
        keys = self._keys(connection, fact, items)
        counts = dict.fromkeys(keys, 1)
        return counts if len(counts) == len(keys) else Counter(keys)

    def items_by_key(self, connection: Connection, fact: Fact, report: Report) -> dict[Key, Any]:
        """Give the items of `report` by their key; one of those that are equal."""
        items = fact.items(report)
        return dict(zip(self._keys(connection, fact, items), items, strict=True))

    def _keys(self, connection: Connection, fact: Fact, items: Any) -> list[Key]:
        known = self._numbers.setdefault(fact.field, {})
        labels = list(map(fact.label, items))
        try:
            numbers = [known[label] for label in labels]
        except KeyError:
            numbers = [self._number(connection, fact.field, label) for label in labels]
        return [
            number << 32 | (0 if pid is None else pid + 1)
            for number, pid in zip(numbers, map(fact.pid, items), strict=True)
        ]

    def _number(self, connection: Connection, field: str, label: Label) -> int:
        known = self._numbers[field]
        number = known.get(label)
        if number is None:
            if len(known) >= REMEMBERED:
                known.clear()
            row = (field, *label)
            found = connection.exec_driver_sql(_FIND, row).scalar()
            number = found or connection.exec_driver_sql(_INSERT, row).scalar_one()
            known[label] = number
        return int(number)
