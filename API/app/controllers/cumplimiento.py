"""Compliance: what the policies say of the servers."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, jsonify, request

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.parameters import (
    MAX_PAGE,
    at_least,
    moment,
    one_of,
    page_size,
    refuse_unknown,
)
from API.app.errors import ProblemError
from API.app.identity import require_role
from API.app.queries.cumplimiento import (
    NOW,
    SEVERITIES,
    VERDICTS,
    VerdictFilters,
    VerdictPlace,
    lag,
    policies,
    policy,
    score,
    verdicts,
)
from API.app.queries.puntajes import PARTS, scores
from API.app.queries.times import as_ms

_PLACE = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
SCORE_FILTERS = ("politica", "severidad", "etiqueta")
SCORE_PARAMETERS = ("por", *SCORE_FILTERS, "en", "limite", "despues")
PARAMETERS = (*VerdictFilters._fields, "en", "limite", "despues")


def list_verdicts() -> Response:
    """List verdicts by server and policy, with the score of all that the filters leave."""
    require_role(Role.LECTOR)
    refuse_unknown(PARAMETERS)
    one_of("veredicto", VERDICTS)
    one_of("severidad", SEVERITIES)
    filters = VerdictFilters(*(request.args.get(name) for name in VerdictFilters._fields))
    at, limit, place = _moment(), page_size(), _place()
    with the_collector().reader.connect() as connection:
        page = verdicts(connection, at, filters, place, limit)
        total, behind = score(connection, at, filters), lag(connection)
    response = jsonify(**total, atraso=behind, cumplimiento=page.verdicts)
    if page.end:
        arguments = {**request.args, "despues": "{}.{}".format(*page.end)}
        response.headers["Link"] = f'</cumplimiento?{urlencode(arguments)}>; rel="next"'
    return response


def list_scores() -> Response:
    """List the scores of servers, labels, policies or severities, the worst first."""
    require_role(Role.LECTOR)
    refuse_unknown(SCORE_PARAMETERS)
    one_of("por", PARTS)
    one_of("severidad", SEVERITIES)
    filters = VerdictFilters(**{name: request.args.get(name) for name in SCORE_FILTERS})
    of, at, limit = request.args.get("por", "servidor"), _moment(), page_size()
    begin = at_least("despues", 0)
    with the_collector().reader.connect() as connection:
        fleet, parts = scores(connection, at, of, filters)
        behind = lag(connection)
    page = parts[begin : begin + limit]
    response = jsonify(por=of, flota=fleet, atraso=behind, puntajes=page)
    if len(parts) > begin + limit:
        arguments = {**request.args, "despues": begin + limit}
        link = f'</cumplimiento/puntajes?{urlencode(arguments)}>; rel="next"'
        response.headers["Link"] = link
    return response


def show_agent(id_agente: UUID) -> Response:
    """Show all that the policies say of one server."""
    require_role(Role.LECTOR)
    refuse_unknown(("en",))
    filters, at = VerdictFilters(agente=str(id_agente)), _moment()
    with the_collector().reader.connect() as connection:
        page = verdicts(connection, at, filters, VerdictPlace(), MAX_PAGE)
        total = score(connection, at, filters)
    if not page.verdicts:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"nothing is known of an agent {id_agente} then")
    return jsonify(id_agente=str(id_agente), **total, cumplimiento=page.verdicts)


def list_policies() -> Response:
    """List the policies in force, and how the fleet stands."""
    require_role(Role.LECTOR)
    refuse_unknown(())
    with the_collector().reader.connect() as connection:
        return jsonify(politicas=policies(connection), atraso=lag(connection))


def show_policy(id_politica: str) -> Response:
    """Show a policy, the servers that do not comply, and those that need not."""
    require_role(Role.LECTOR)
    refuse_unknown(())
    filters = VerdictFilters(politica=id_politica)
    with the_collector().reader.connect() as connection:
        document = policy(connection, id_politica)
        if document is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no policy {id_politica}")
        total = score(connection, NOW, filters)
        failing, excepted = (
            verdicts(connection, NOW, filters._replace(veredicto=shown), VerdictPlace(), MAX_PAGE)
            for shown in ("no_cumple", "exceptuado")
        )
    return jsonify(
        politica=document, **total, incumplen=failing.verdicts, exceptuados=excepted.verdicts
    )


def _moment() -> int:
    if "en" not in request.args:
        return NOW
    return as_ms(moment("en", datetime.now(UTC)))


def _place() -> VerdictPlace:
    text = request.args.get("despues", "0.0")
    found = _PLACE.fullmatch(text)
    if not found:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "despues must be as the Link of the page before has it"
        )
    return VerdictPlace(*map(int, found.groups()))
