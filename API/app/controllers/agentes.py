"""Servers: enrolled, and what was true of them."""

import hmac
from datetime import UTC, datetime
from http import HTTPStatus
from typing import cast
from uuid import UUID

from flask import Response, jsonify

from API.app.accounts.credentials import fingerprint
from API.app.accounts.roles import Role
from API.app.admission import bearer, require_not_paused, unauthorized
from API.app.collector import Collector, the_collector
from API.app.controllers.body import require_json, unpacked
from API.app.controllers.parameters import moment, refuse_unknown
from API.app.door.arrival import Arrival
from API.app.door.entrance import takes_body, the_arrival
from API.app.enrolment import Authority, decode_enrolment, enrol
from API.app.errors import ProblemError
from API.app.identity import require_role
from API.app.invitations import require_invited
from API.app.queries.admission import bearer_of, invitation
from API.app.queries.estado import removed_since, state_at
from API.app.queries.times import as_ms

MAX_ENROLMENT = 4_096
"""Bytes that an enrolment may have."""


def admit_enroller(collector: Collector, arrival: Arrival) -> Authority:
    """Find out by what right the request enrols, before a byte of its body is read.

    Raises:
        ProblemError: 401 where by none, 403 where the secret is limited otherwise, 415, 503 where
            the server is paused.
    """
    secret = bearer(arrival)
    if secret is None:
        raise unauthorized("enrolling takes the enrolment secret")
    found = fingerprint(secret)
    with collector.questions.connect() as connection:
        invited, sender = invitation(connection), bearer_of(connection, found)
    if invited and hmac.compare_digest(invited.hash, found):
        require_invited(invited, arrival.origin)
        by = Authority(secret=invited)
    elif sender:
        require_not_paused(sender)
        by = Authority(token=sender)
    else:
        raise unauthorized("the secret is not one that enrols")
    require_json(arrival)
    return by


@takes_body(admit_enroller, limit=lambda _: MAX_ENROLMENT, waits=True)
def enrol_agent() -> tuple[Response, int]:
    """Register an agent's token; 201, or 200 where it was registered before."""
    collector, asking = the_collector(), the_arrival()
    by, address = cast("Authority", asking.sender), str(asking.origin.address)
    asked = decode_enrolment(unpacked(asking, MAX_ENROLMENT))
    with collector.patient.begin() as connection:
        created = enrol(connection, asked, by, address, collector.settings.enrolments)
    status = HTTPStatus.CREATED if created else HTTPStatus.OK
    return jsonify(id_agente=str(asked.id_agente)), status


def show_state(id_agente: UUID) -> Response:
    """Show what was known of a server at a moment: now, unless `en` says another."""
    require_role(Role.LECTOR)
    refuse_unknown(("en",))
    at = as_ms(moment("en", datetime.now(UTC)))
    with the_collector().reader.connect() as connection:
        state = state_at(connection, str(id_agente), at)
        removed = removed_since(connection, at)
    if state is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no agent {id_agente}")
    return jsonify(**state, borrado_hasta=removed)
