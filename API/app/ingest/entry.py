"""A report on its way into the tables, checked, identified and taken apart."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from API.app.facts import LISTS, NOTHING, Items
from API.app.ingest.journal import Line
from API.app.report import Report, agent_of, decode_report, identity_of


class Entry(NamedTuple):
    """A report on its way into the tables."""

    report: Report
    """What it says, but for its lists, which are empty here."""
    lists: Mapping[str, Items]
    """What its lists say, by field."""
    body: bytes
    """The report's JSON text as it was received."""
    id_agente: str
    id_reporte: str
    recibido: datetime | None = None
    """When it was received, in UTC without offset; None for a report that is only now stored."""
    id_serv: int | None = None
    """The number it already has, where it comes from the JSON log."""


class Stored(NamedTuple):
    """What became of an entry: its number, and whether it is new."""

    id_serv: int
    created: bool


class Pending(NamedTuple):
    """What became of an entry while the database is away: it is in the log, and not yet there."""

    id_reporte: str


def entry_from_body(body: bytes) -> Entry:
    """Check the JSON text `body` and identify it.

    Raises:
        InvalidReportError: it is not a report.
    """
    report = decode_report(body)
    head, lists = take_apart(report)
    return Entry(head, lists, body, agent_of(report), identity_of(report, body))


def entry_from_line(line: Line) -> Entry:
    """Take a report back from its line of the JSON log, with the number and times it has there.

    Raises:
        InvalidReportError: what stands there is not a report.
    """
    entry = entry_from_body(bytes(line.reporte))
    recibido = line.recibido.astimezone(UTC).replace(tzinfo=None)
    return entry._replace(id_reporte=line.id_reporte, recibido=recibido, id_serv=line.id_serv)


def take_apart(report: Report) -> tuple[Report, dict[str, Items]]:
    """Give what a report says but for its lists, and its lists by field.

    A list that could not be gathered (`errores`) says nothing, whatever stands in it.
    """
    unknown = report.errores or ()
    lists = {fact.field: NOTHING if fact.field in unknown else fact.items(report) for fact in LISTS}
    return msgspec.structs.replace(report, procesos=[], usuarios_activos=[]), lists
