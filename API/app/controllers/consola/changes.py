"""What changed on the fleet, the newest first; the first page shows the newest of it."""

import re
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from flask import Response, request

from API.app.collector import the_collector
from API.app.controllers.consola.pages import look_at_fleet, page, require_person
from API.app.facts import FIELDS
from API.app.queries.cambios import KINDS, NEWEST, ChangeFilters, Place, changes
from API.app.queries.times import as_ms

MONTH_MS = 30 * 86_400_000
A_PAGE = 100
MOST_OF_A_GROUP = 12
_PLACE = re.compile(r"([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})")


class Group(NamedTuple):
    """What changed on one server at one moment."""

    id_agente: str
    hostname: str | None
    momento: str
    changes: list[dict[str, Any]]
    more: int


def list_changes() -> Response:
    """List the changes that are wanted, a page at a time."""
    who = require_person()
    fleet = look_at_fleet()
    filters, place = _filters(), _place()
    with the_collector().reader.connect() as connection:
        found = changes(connection, filters, 0, place, A_PAGE)
    return page(
        "changes.html",
        section="changes",
        who=who,
        known=len(fleet.servers),
        groups=by_moment(found.changes, MOST_OF_A_GROUP),
        wanted=filters,
        narrowed=any(filters),
        fields=FIELDS,
        kinds=KINDS,
        newest=place == NEWEST,
        end=found.end and "{}.{}.{}".format(*found.end),
    )


def by_moment(found: list[dict[str, Any]], most: int) -> list[Group]:
    """Put together what changed on one server at one moment, `most` of it at most."""
    together = groupby(found, key=lambda change: (change["momento"], change["id_agente"]))
    return [_group(list(made), most) for _, made in together]


def latest() -> list[dict[str, Any]]:
    """Give a page of the newest changes of the last 30 days."""
    since = as_ms(datetime.now(UTC)) - MONTH_MS
    with the_collector().reader.connect() as connection:
        return changes(connection, ChangeFilters(), since, NEWEST, A_PAGE).changes


def _group(made: list[dict[str, Any]], most: int) -> Group:
    first, shown = made[0], made[:most]
    left = len(made) - len(shown)
    return Group(first["id_agente"], first["hostname"], first["momento"], shown, left)


def _filters() -> ChangeFilters:
    """Read what the list is narrowed to; what is no field, or no kind, narrows nothing."""
    given = {name: request.args.get(name) or None for name in ChangeFilters._fields}
    return ChangeFilters(**given)._replace(
        campo=given["campo"] if given["campo"] in FIELDS else None,
        tipo=given["tipo"] if given["tipo"] in KINDS else None,
    )


def _place() -> Place:
    found = _PLACE.fullmatch(request.args.get("despues", ""))
    return Place(*map(int, found.groups())) if found else NEWEST
