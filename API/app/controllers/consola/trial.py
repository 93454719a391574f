"""A query that somebody tries on the fleet before it becomes a policy."""

from http import HTTPStatus

from flask import Response, request

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.compliance.trial import TRIAL_S, BusyError, try_query
from API.app.controllers.consola.pages import form, page, require_person
from API.app.queries import politicas

EXAMPLE = """\
SELECT pid, name, username FROM procesos
WHERE id_serv = :id_serv AND name = 'xmrig'
"""


def show_trial() -> Response:
    """Show where a query is typed; that of a policy, where one is named."""
    who = require_person(Role.OPERADOR)
    query = EXAMPLE
    if name := request.args.get("politica"):
        with the_collector().questions.connect() as connection:
            found = politicas.document(connection, name)
        query = found["consulta"] if found else EXAMPLE
    return page("trial.html", section="policies", who=who, query=query, seconds=TRIAL_S)


def run_trial() -> Response:
    """Try a query on the latest report of every server."""
    who = require_person(Role.OPERADOR)
    [query] = form("consulta")
    collector = the_collector()
    with collector.questions.connect() as connection:
        servers = politicas.latest_reports(connection)
    status, told, trial = HTTPStatus.OK, None, None
    try:
        trial = try_query(collector.settings.database, query, servers)
    except BusyError:
        status, told = HTTPStatus.SERVICE_UNAVAILABLE, "trial_busy"
    return page(
        "trial.html", section="policies", who=who, query=query, seconds=TRIAL_S, trial=trial,
        told=told, status=status,
    )  # fmt: skip
