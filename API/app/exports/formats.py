"""Rows as JSON, CSV and NDJSON, a piece at a time."""

import csv
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from API.app.exports.cells import harmless
from API.app.queries.resource import Column, Kind, Page

PIECE = 1_000
"""Rows that are written at once: some 100 KB."""

GZIP_LEVEL = 4

PACKED = 1 << 16
"""Bytes that are packed before they are given on: each piece costs a thread its turn."""


class Format(StrEnum):
    """What rows can be had as, by the extension."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"

    @property
    def content_type(self) -> str:
        """Give the type as HTTP names it."""
        return _TYPES[self]


_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.NDJSON: "application/x-ndjson",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def format_of(content_type: str) -> Format:
    """Give the format of a content type."""
    return next(found for found, name in _TYPES.items() if name == content_type)


def as_objects(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Give rows as JSON has them."""
    names = [column.name for column in columns]
    special = _special(columns, {Kind.JSON: _as_raw, Kind.BOOLEAN: bool})
    return [dict(zip(names, _converted(row, special), strict=True)) for row in rows]


def ndjson(columns: Sequence[Column], pages: Iterable[Page]) -> Iterator[bytes]:
    """Write rows as objects, a line each."""
    encode = msgspec.json.Encoder().encode_lines
    for rows in _pieces(pages):
        yield encode(as_objects(columns, rows))


def csv_text(columns: Sequence[Column], pages: Iterable[Page]) -> Iterator[bytes]:
    """Write rows as CSV (RFC 4180), with their names in the first line."""
    said = dict.fromkeys((Kind.TEXT, Kind.JSON, Kind.MOMENT), harmless)
    special = _special(columns, {**said, Kind.BOOLEAN: ("false", "true").__getitem__})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for rows in _pieces(pages):
        writer.writerows(_converted(row, special) for row in rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()  # the names alone, where there are no rows


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pack as gzip, as it comes."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=31)
    packed = bytearray()
    for piece in pieces:
        packed += packer.compress(piece)
        if len(packed) >= PACKED:
            yield bytes(packed)
            packed.clear()
    yield bytes(packed + packer.flush())


def _pieces(pages: Iterable[Page]) -> Iterator[Sequence[Sequence[Any]]]:
    for page in pages:
        for start in range(0, len(page.rows), PIECE):
            yield page.rows[start : start + PIECE]


Conversion = Callable[[Any], Any]


def _special(
    columns: Sequence[Column], conversions: dict[Kind, Conversion]
) -> list[tuple[int, Conversion]]:
    """Find the places in a row that are not written as the database gives them."""
    return [
        (place, conversions[column.kind])
        for place, column in enumerate(columns)
        if column.kind in conversions
    ]


def _converted(row: Sequence[Any], special: list[tuple[int, Conversion]]) -> Sequence[Any]:
    if not special:
        return row
    values = list(row)
    for place, convert in special:
        if values[place] is not None:
            values[place] = convert(values[place])
    return values


def _as_raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
