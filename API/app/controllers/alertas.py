"""Alerts, a page at a time, and how telling people goes."""

import re
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response, jsonify, request

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.parameters import one_of, page_size, refuse_unknown
from API.app.errors import ProblemError
from API.app.identity import require_role
from API.app.queries.alertas import (
    KINDS,
    NEWEST,
    STATES,
    AlertFilters,
    alerts,
    open_counts,
    waiting,
)
from API.app.queries.cumplimiento import SEVERITIES

PARAMETERS = (*AlertFilters._fields, "limite", "despues")


def list_alerts() -> Response:
    """List alerts, newest first; how many are open, and what waits to be delivered."""
    require_role(Role.LECTOR)
    refuse_unknown(PARAMETERS)
    one_of("severidad", SEVERITIES)
    one_of("tipo", KINDS)
    one_of("estado", STATES)
    filters = AlertFilters(*(request.args.get(name) for name in AlertFilters._fields))
    limit, before = page_size(), _place()
    with the_collector().reader.connect() as connection:
        page = alerts(connection, filters, before, limit)
        counts, undelivered = open_counts(connection), waiting(connection)
    response = jsonify(abiertas=counts, por_entregar=undelivered, alertas=page.alerts)
    if page.end is not None:
        arguments = {**request.args, "despues": str(page.end)}
        response.headers["Link"] = f'</alertas?{urlencode(arguments)}>; rel="next"'
    return response


def _place() -> int:
    text = request.args.get("despues", str(NEWEST))
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > NEWEST:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "despues must be as the Link of the page before has it"
        )
    return int(text)
