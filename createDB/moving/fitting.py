"""Finds what SQLite holds and PostgreSQL cannot: SQLite keeps any value in any column.

What would arrive as something else counts as well: a moment with an offset, a number in a text.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, DateTime, Float, Integer, String, Table

from createDB.moving.origin import Part, Row

Tell = Callable[[Any], str | None]
"""Says what is wrong with a value of the right type."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


class Kind(NamedTuple):
    """What a column takes."""

    types: frozenset[type]
    wrong_type: str
    tell: Tell
    suspects: Callable[[set[Any]], Iterable[Any]] = iter
    """Of some values of the right type, those that are wrong if any is."""


def kinds_of(table: Table) -> list[Kind]:
    """Say what the columns of `table` take, in their order."""
    return [_kind(column) for column in table.columns]


def misfit(part: Part, kinds: Sequence[Kind], rows: Sequence[Row]) -> str | None:
    """Find a value that its column cannot hold.

    Args:
        part: whose rows they are.
        kinds: as `kinds_of` gives them for its table.
        rows: some of them.

    Returns:
        column, row and reason in words; None where everything fits.
    """
    columns = part.table.columns.keys()
    for column, kind, values in zip(columns, kinds, zip(*rows, strict=True), strict=True):
        if not _all_fit(kind, values):
            for row, value in zip(rows, values, strict=True):
                if reason := _reason(kind, value):
                    return f"{column} de {_words(part, row)}: {reason}: {short(value)}"
    return None


def _all_fit(kind: Kind, values: Sequence[Any]) -> bool:
    """Tell whether all is well, without a look at each of them."""
    if not kind.types.issuperset(map(type, values)):
        return False
    return not any(map(kind.tell, kind.suspects(set(values) - {None})))


def _reason(kind: Kind, value: Any) -> str | None:
    if type(value) not in kind.types:
        return kind.wrong_type
    return None if value is None else kind.tell(value)


def short(value: object) -> str:
    """Give a value in one short line."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _words(part: Part, row: Row) -> str:
    keys = zip(part.key, part.key_of(row), strict=True)
    return f"{part.name}, " + ", ".join(f"{name} {short(value)}" for name, value in keys)


def _kind(column: Column[Any]) -> Kind:
    kind = column.type
    if isinstance(kind, DateTime):
        return Kind(frozenset({str, type(None)}), "no es una fecha y hora", _wrong_moment)
    if isinstance(kind, Float):
        return Kind(frozenset({float, type(None)}), "no es un número con decimales", _nothing)
    if isinstance(kind, Integer):
        bits = 63 if isinstance(kind, BigInteger) else 31
        return Kind(
            frozenset({int, type(None)}), "no es un número entero", _beyond(bits), _extremes
        )
    length = kind.length if isinstance(kind, String) else None
    return Kind(frozenset({str, type(None)}), "no es texto", _longer_than(length))


def _nothing(_value: Any) -> None:
    return None


def _wrong_moment(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return "no es una fecha y hora"
    return None if _MOMENT.fullmatch(value) else "no tiene la forma AAAA-MM-DD HH:MM:SS.ffffff"


def _extremes(values: set[Any]) -> Iterable[Any]:
    return (min(values), max(values)) if values else ()


def _beyond(bits: int) -> Tell:
    limit = 1 << bits

    def tell(value: int) -> str | None:
        return None if -limit <= value < limit else f"no cabe en {bits + 1} bits"

    return tell


def _longer_than(length: int | None) -> Tell:
    def tell(value: str) -> str | None:
        if "\0" in value:
            return "tiene un NUL, que PostgreSQL no admite"
        if length and len(value) > length:
            return f"tiene más de {length} caracteres"
        return None if value.isascii() or _is_unicode(value) else "no es UTF-8"

    return tell


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
