"""One server: now, at any moment of its past, and what differs between two moments."""

import json
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request

from API.app import sight as seeing
from API.app.collector import the_collector
from API.app.controllers.consola.pages import look_at_fleet, page, require_person
from API.app.controllers.consola.paging import page_of
from API.app.controllers.parameters import moment
from API.app.errors import ProblemError
from API.app.facts import FIELDS, SYSTEM_FIELDS
from API.app.queries.times import as_ms
from API.app.sight import DAY_MS, REPORTS_A_PAGE, SPANS, Sight

VIEWS = ("resumen", "procesos", "sesiones", "cumplimiento", "cambios", "reportes", "diferencias")
FIRST_SPAN = "semana"
LIVES = {"procesos": "procesos", "sesiones": "usuarios_activos"}
"""Views of what lives, and the field that they show."""
LATEST_CHANGES = 12
MOST_JSON = 60_000
"""Characters of a report that its page shows; all of it is at `/servers/{id_serv}`."""


def show_server(id_agente: UUID) -> Response:
    """Show a server: the view that `ver` says, at the moment `en`, or now."""
    who = require_person()
    fleet = look_at_fleet()
    view, span = _one_of("ver", VIEWS, VIEWS[0]), _one_of("tramo", tuple(SPANS), FIRST_SPAN)
    at, name = instant("en"), str(id_agente)
    with the_collector().reader.connect() as connection:
        sight = seeing.look(connection, name, at, span)
        if sight is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no server {name}")
        return page(
            "server.html",
            section="servers",
            who=who,
            sight=sight,
            server=sight.server,
            summary=next(
                (each for each in fleet.servers if each.id_agente == str(id_agente)), None
            ),
            at_now=at is None,
            view=view,
            views=VIEWS,
            span=span,
            spans=tuple(SPANS),
            **_SHOWN[view](sight),
        )


def instant(name: str) -> int | None:
    """Read a moment of the address, in milliseconds since 1970; None where none is given.

    Raises:
        ProblemError: 400.
    """
    if not request.args.get(name):
        return None
    return as_ms(moment(name, datetime.min.replace(tzinfo=UTC)))


def _summary(sight: Sight) -> dict[str, Any]:
    facts, _ = seeing.lanes_of(sight, SYSTEM_FIELDS)
    return {
        "facts": sorted(facts, key=lambda lane: SYSTEM_FIELDS.index(lane.campo)),
        "verdicts": seeing.verdicts_at(sight),
        "latest": seeing.timeline(sight, sight.at, limit=LATEST_CHANGES).moments,
    }


def _lives(sight: Sight) -> dict[str, Any]:
    field = LIVES[request.args["ver"]]
    search = request.args.get("buscar", "").strip()
    lanes, complete_from = seeing.lanes_of(sight, [field], search)
    return {
        "field_shown": field,
        "search": search,
        "found": page_of(lanes),
        "complete_from": complete_from,
        "items_there": sum(lane.number for lane in lanes),
    }


def _compliance(sight: Sight) -> dict[str, Any]:
    return {
        "verdicts": seeing.verdicts_at(sight),
        "bars": seeing.verdict_bars(sight),
    }


def _changes(sight: Sight) -> dict[str, Any]:
    field = request.args.get("campo", "")
    search = request.args.get("buscar", "").strip()
    before = _before(sight)
    return {
        "fields": FIELDS,
        "chosen_field": field,
        "search": search,
        "timeline": seeing.timeline(sight, before, field, search),
    }


def _reports(sight: Sight) -> dict[str, Any]:
    rows = seeing.reports(sight, _before(sight))
    number = request.args.get("reporte", "")
    chosen = int(number) if re.fullmatch("[0-9]{1,18}", number) else None
    shown = seeing.report(sight, chosen)
    text = json.dumps(shown, indent=2, ensure_ascii=False) if shown else ""
    return {
        "reports": rows[:REPORTS_A_PAGE],
        "reports_end": rows[REPORTS_A_PAGE].momento if len(rows) > REPORTS_A_PAGE else None,
        "shown": shown,
        "lines": text[:MOST_JSON].split("\n"),
        "cut": len(text) > MOST_JSON,
        "chosen": chosen or (sight.state["reporte_anterior"] or {}).get("id_serv"),
    }


def _differences(sight: Sight) -> dict[str, Any]:
    other = instant("contra")
    if other is None:
        other = max(sight.first, sight.at - DAY_MS)
    other = min(other, sight.latest)
    return {"other": other, "comparison": seeing.compare(sight, other)}


def _before(sight: Sight) -> int:
    """Read up to where a list goes: `hasta`, where the page before ended, or the moment itself."""
    asked = instant("hasta")
    return sight.at if asked is None else min(asked, sight.at)


_SHOWN = {
    "resumen": _summary,
    "procesos": _lives,
    "sesiones": _lives,
    "cumplimiento": _compliance,
    "cambios": _changes,
    "reportes": _reports,
    "diferencias": _differences,
}


def _one_of(name: str, known: tuple[str, ...], first: str) -> str:
    """Read a choice; what is none of them is the first one."""
    asked = request.args.get(name, first)
    return asked if asked in known else first
