"""Compliance: what the policies say of the servers."""

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
    VerdictFilters,
    VerdictPlace,
    lag,
    policy,
    score,
    verdicts,
)
from API.app.queries.puntajes import PARTS, scores
from API.app.queries.times import as_ms

SCORE_FILTERS = ("politica", "severidad", "etiqueta")
SCORE_PARAMETERS = ("por", *SCORE_FILTERS, "en", "limite", "despues")


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
