"""Changes, a page at a time."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response, jsonify, request

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.parameters import moment, one_of, page_size, refuse_unknown
from API.app.errors import ProblemError
from API.app.facts import FIELDS
from API.app.identity import require_role
from API.app.queries.cambios import KINDS, NEWEST, ChangeFilters, Place, changes
from API.app.queries.times import as_ms

_PLACE = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,9})")
PARAMETERS = (*ChangeFilters._fields, "desde", "hasta", "limite", "despues")


def list_changes() -> Response:
    """List what began and what ceased to be true, newest first."""
    require_role(Role.LECTOR)
    refuse_unknown(PARAMETERS)
    one_of("tipo", KINDS)
    one_of("campo", FIELDS)
    filters = ChangeFilters(*(request.args.get(name) for name in ChangeFilters._fields))
    since = as_ms(moment("desde", datetime(1, 1, 1, tzinfo=UTC)))
    limit = page_size()
    with the_collector().reader.connect() as connection:
        page = changes(connection, filters, since, _place(), limit)
    response = jsonify(cambios=page.changes)
    if page.end:
        arguments = {**request.args, "despues": "{}.{}.{}".format(*page.end)}
        response.headers["Link"] = f'</cambios?{urlencode(arguments)}>; rel="next"'
    return response


def _place() -> Place:
    """Read where the page begins: after the page before, or below `hasta`."""
    text = request.args.get("despues")
    if text is None:
        until = moment("hasta", datetime.max.replace(tzinfo=UTC))
        return min(NEWEST, Place(as_ms(until), 0))
    found = _PLACE.fullmatch(text)
    if not found:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "despues must be as the Link of the page before has it"
        )
    return Place(*map(int, found.groups()))
