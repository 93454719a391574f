"""A driver's own connection: what the smallest and the largest questions are asked through."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol


class Answer(Protocol):
    """The rows that a question found, as tuples."""

    def fetchone(self) -> Any:
        """Give the next row; None after the last."""

    def fetchall(self) -> list[Any]:
        """Give the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Give the rows one by one."""


class Direct(Protocol):
    """A connection of sqlite3, or one to PostgreSQL that takes the same statements."""

    def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /
    ) -> Answer:
        """Ask something."""

    def rollback(self) -> None:
        """End the transaction at hand, where there is one."""

    def close(self) -> None:
        """Let go of it."""
