"""Servers: what was true of them."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from flask import Response, jsonify

from API.app.auth import require_reader
from API.app.collector import the_collector
from API.app.controllers.parameters import moment, refuse_unknown
from API.app.errors import ProblemError
from API.app.queries.estado import state_at
from API.app.queries.times import as_ms


def show_state(id_agente: UUID) -> Response:
    """Show what was known of a server at a moment: now, unless `en` says another."""
    require_reader()
    refuse_unknown(("en",))
    at = as_ms(moment("en", datetime.now(UTC)))
    with the_collector().reader.connect() as connection:
        state = state_at(connection, str(id_agente), at)
    if state is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no agent {id_agente}")
    return jsonify(state)
