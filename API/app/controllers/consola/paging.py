"""Lists that are shown a page at a time; the page's number stands in the address."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from flask import request

Item = TypeVar("Item")

PAGE = 50


class Part(NamedTuple, Generic[Item]):
    """One page of a list."""

    items: Sequence[Item]
    first: int
    """The place of the first of them, counted from 1."""
    total: int
    number: int
    """Of the page, counted from 1."""

    @property
    def last(self) -> int:
        """Give the place of the last one."""
        return self.first + len(self.items) - 1

    @property
    def previous(self) -> int | None:
        """Give the number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """Give the number of the page after."""
        return self.number + 1 if self.last < self.total else None


def page_of(items: Sequence[Item]) -> Part[Item]:
    """Give the page that `pagina` asks for; the last one where there are not so many."""
    number = asked(len(items))
    start = (number - 1) * PAGE
    return Part(items[start : start + PAGE], start + 1, len(items), number)


def asked(total: int) -> int:
    """Give the number of the page that `pagina` asks for, of so many items in all."""
    text = request.args.get("pagina", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    return max(1, min(number, -(-total // PAGE)))
