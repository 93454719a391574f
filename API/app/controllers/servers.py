"""Reports: received, shown."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar, cast

from flask import Response, jsonify

from API.app.accounts.roles import Role
from API.app.admission import (
    ClonedError,
    Reporter,
    admit_sender,
    come_back,
    note_twins,
    require_own,
)
from API.app.collector import Collector, the_collector
from API.app.controllers.body import require_json, unpacked, unpacked_size
from API.app.door.answer import Answer, json_answer
from API.app.door.arrival import Arrival
from API.app.door.entrance import answers_directly, in_clear, takes_body
from API.app.errors import ProblemError
from API.app.extent import require_within
from API.app.identity import require_role
from API.app.ingest.entry import Entry, Pending, entry_from_body
from API.app.ingest.intake import Received
from API.app.queries.admission import RETIRED
from API.app.queries.servers import report_as_posted
from API.app.report import InvalidReportError
from API.app.settings import Settings

Read = TypeVar("Read", Entry, Received)

QUICK = 1 << 18
"""Bytes of a report that is checked in the event loop, in about a millisecond at most; what takes
longer is checked in a thread, beside which others are answered."""


def admit_reporter(collector: Collector, arrival: Arrival) -> Reporter:
    """Decide by its headers whether a report is to be read, and give who sends it."""
    sender = admit_sender(collector, arrival)
    require_json(arrival)
    return sender


@in_clear
@takes_body(admit_reporter, limit=lambda settings: settings.max_body)
@answers_directly
async def receive_report(collector: Collector, arrival: Arrival) -> Answer:
    """Store the report in the request's body; 201, or 200 where it was stored before.

    202 while the database is away: the report is in the JSON log.
    """
    bearer = cast("Reporter", arrival.sender).bearer
    if unpacked_size(arrival) > QUICK:
        entry = await asyncio.to_thread(_checked, entry_from_body, arrival, collector.settings)
        received = collector.intake.spell(entry)
    else:
        received = _checked(collector.intake.read, arrival, collector.settings)
    try:
        sender = require_own(collector, bearer, received)
    except ClonedError as error:
        await asyncio.to_thread(note_twins, collector, error.sender)
        raise
    stored = await collector.writer.store(received)
    if isinstance(stored, Pending):
        return json_answer(HTTPStatus.ACCEPTED, {"id_reporte": stored.id_reporte})
    if sender and sender.estado == RETIRED:
        await asyncio.to_thread(come_back, collector, arrival.origin, sender)
    answer: dict[str, int | bool] = {"id_serv": stored.id_serv}
    if bearer and bearer.rotacion is not None:
        answer["renovar_token"] = True
    return json_answer(HTTPStatus.CREATED if stored.created else HTTPStatus.OK, answer)


def show_report(id_serv: int) -> Response:
    """Show one report in the shape in which it was posted."""
    require_role(Role.LECTOR)
    with the_collector().reader.connect() as connection:
        report = report_as_posted(connection, id_serv) if id_serv < 1 << 63 else None
    if report is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no report {id_serv}")
    return jsonify(report)


def _checked(read: Callable[[bytes], Read], arrival: Arrival, settings: Settings) -> Read:
    try:
        found = read(unpacked(arrival, settings.max_body))
        require_within(settings, found)
    except InvalidReportError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error), errores=error.problems) from None
    return found
