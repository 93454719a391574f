"""'Who runs this?': a process or a user across the fleet, now and ever."""

from typing import Any

from flask import Response, request

from API.app.collector import the_collector
from API.app.controllers.consola.pages import page, require_person
from API.app.controllers.consola.paging import PAGE, Part, asked
from API.app.queries.nombres import MOST_LABELS
from API.app.queries.quien import KINDS, count_of, labels_of, sightings, suggestions


def show_who() -> Response:
    """Show where a name is and was, as whom, and since when; else names that are like it."""
    who = require_person()
    name = request.args.get("nombre", "")  # as it is: blanks at its ends make it another one
    kind = request.args.get("que", "")
    kind = kind if kind in KINDS else ""
    return page(
        "who.html", section="who", who=who, name=name, kind=kind, kinds=KINDS,
        only_now=_only_now(), **(_find(name, kind) if name.strip() else {}),
    )  # fmt: skip


def _find(name: str, kind: str) -> dict[str, Any]:
    only_now = _only_now()
    with the_collector().reader.connect() as connection:
        labels = labels_of(connection, name, kind)
        if not labels:
            return {"suggested": suggestions(connection, name.strip())}
        total, now = count_of(connection, labels)
        only_now = only_now and now is not None
        shown = now if only_now and now is not None else total
        number = asked(shown)
        start = (number - 1) * PAGE
        found = sightings(connection, labels, only_now, start, PAGE, in_order=now is not None)
    return {
        "found": Part(found, start + 1, shown, number),
        "total": total,
        "running": now,
        "cut": len(labels) == MOST_LABELS or now is None,
    }


def _only_now() -> bool:
    return request.args.get("ahora") == "si"
