"""The first page: how we are, in two seconds; and how the first server comes in."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.consola.pages import answer_if_news, form, page, require_person, to
from API.app.identity import Identity
from API.app.invitations import Limits, invitation_line, make_secret
from API.app.queries.cambios import NEWEST, ChangeFilters, changes
from API.app.queries.cumplimiento import NOW, VerdictFilters, lag, policies, score
from API.app.queries.estados import STATES, servers_by_state
from API.app.queries.flota import progress
from API.app.queries.times import as_ms

WEEK_MS = 7 * 86_400_000
MOST_CHANGES = 12
MOST_POLICIES = 8
INVITED_HOURS = 24
"""How long the secret enrols that the page shows."""


def show_root() -> Response:
    """Lead whoever types the address alone to the first page."""
    return to("console.show_home")


def show_home() -> Response:
    """Show how the fleet stands."""
    return _show(require_person())


def invite() -> Response:
    """Make an enrolment secret, and show this once the line that uses it."""
    who = require_person(Role.ADMINISTRADOR)
    form()
    collector = the_collector()
    with collector.patient.begin() as connection:
        secret = make_secret(connection, who.actor, Limits(horas=INVITED_HOURS))
    line = f"{invitation_line(collector.settings, secret)} && ./agente.sh --once"
    return _show(who, line=line, hours=INVITED_HOURS)


def _show(who: Identity, **values: Any) -> Response:
    with the_collector().reader.connect() as connection:
        answer_if_news(progress(connection), f"{datetime.now(UTC):%H:%M}")
        counts = servers_by_state(connection)
        listed = policies(connection)
        return page(
            "home.html",
            section="home",
            who=who,
            states=[(state, counts[state.name]) for state in STATES],
            servers=sum(counts.values()),
            invited_hours=INVITED_HOURS,
            may_invite=who.role.covers(Role.ADMINISTRADOR),
            score=score(connection, NOW, VerdictFilters()),
            policies=len(listed),
            worst=_worst(listed),
            behind=lag(connection),
            changes=_latest_changes(),
            **values,
        )


def _worst(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the policies that servers fail: by severity, as they are listed, then by how many."""
    failed = [policy for policy in listed if policy["no_cumple"]]
    return failed[:MOST_POLICIES]


def _latest_changes() -> list[dict[str, Any]]:
    since = as_ms(datetime.now(UTC)) - WEEK_MS
    with the_collector().reader.connect() as connection:
        page_of = changes(connection, ChangeFilters(), since, NEWEST, MOST_CHANGES)
    return page_of.changes[:MOST_CHANGES]
