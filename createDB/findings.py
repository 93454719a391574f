"""What a comparison has found, and what it has to remember on the way."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from createDB.words import counted


class Asked(Protocol):
    """A connection to a database that is compared: sqlite3's own, or one that does the same."""

    def execute(self, statement: str, parameters: Any = (), /) -> Any:
        """Ask something."""


SHOWN = 20
"""Differences that are shown; the rest are counted."""


@dataclass
class Findings:
    """What differs: how often each kind, and the first of them in words."""

    counts: dict[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What the operator should know though it is no difference."""

    def add(self, kind: str, line: str, times: int = 1) -> None:
        """Count a difference of `kind`."""
        self.counts[kind] = self.counts.get(kind, 0) + times
        if len(self.first) < SHOWN:
            self.first.append(f"{kind}: {line}")

    def lines(self) -> list[str]:
        """Give the first differences, how many more there are, and the notes."""
        total = sum(self.counts.values())
        left = counted(total - SHOWN, "diferencia", "diferencias")
        more = [f"... y {left} más"] if total > SHOWN else []
        return [*self.first, *more, *(f"nota: {note}" for note in self.notes)]


class Seen:
    """What the log has shown so far, in a private temporary file: a log may be a long one."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")
        self._file.execute("CREATE TABLE numbers (id_serv INTEGER PRIMARY KEY)")
        self._file.execute("CREATE TABLE names (agent, report, PRIMARY KEY (agent, report))")

    def add_number(self, id_serv: int) -> None:
        """Remember the number that a report of the log has in the database."""
        self._file.execute("INSERT OR IGNORE INTO numbers VALUES (?)", (id_serv,))

    def add_name(self, agent: str, report: str) -> bool:
        """Remember a report's identity; tell whether it is new."""
        statement = "INSERT OR IGNORE INTO names VALUES (?, ?)"
        return self._file.execute(statement, (agent, report)).rowcount == 1

    def numbers(self, after: int, last: int) -> pd.DataFrame:
        """Give the numbers past `after` and up to `last`, as a frame of one column."""
        query = "SELECT id_serv FROM numbers WHERE id_serv > ? AND id_serv <= ?"
        return pd.read_sql_query(query, self._file, params=(after, last))

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
