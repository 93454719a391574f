"""The first page: how we are, in two seconds; and how the first server comes in."""

from itertools import islice

from flask import Response

from API.app.accounts.roles import Role
from API.app.collector import Collector, the_collector
from API.app.controllers.consola.changes import by_moment, latest
from API.app.controllers.consola.pages import form, look_at_fleet, page, require_person, to
from API.app.fleet import Fleet, PolicyStanding
from API.app.identity import Identity
from API.app.ingest.standing import standing_of
from API.app.invitations import Limits, invitation_line, make_secret
from API.app.queries import flota
from API.app.queries.cumplimiento import lag
from API.app.queries.estados import STATES
from API.app.trend import Point

MOST_GROUPS = 8
MOST_OF_A_GROUP = 3
MOST_POLICIES = 8
MOST_ALERTS = 6
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
    return _show(who, line=line)


def _show(who: Identity, line: str | None = None) -> Response:
    collector = the_collector()
    fleet = look_at_fleet()
    with collector.reader.connect() as connection:
        behind = lag(connection)
    return page(
        "home.html",
        section="home",
        who=who,
        line=line,
        invited_hours=INVITED_HOURS,
        may_invite=who.role.covers(Role.ADMINISTRADOR),
        fleet=fleet,
        states=STATES,
        counts=fleet.counts,
        trend=_points(collector.overview.trend(collector.overview.version())),
        worst=_worst(fleet),
        behind=behind,
        kept=standing_of(collector.settings.storage),
        groups=by_moment(latest(), MOST_OF_A_GROUP)[:MOST_GROUPS],
        alerts=_latest_alerts(collector),
    )


def _points(trend: list[Point]) -> list[list[float | None]]:
    """Give a trend as uPlot takes it: seconds since 1970, and the share that complied."""
    return [
        [point.momento / 1000 for point in trend],
        [round(point.complying / point.judged, 4) if point.judged else None for point in trend],
    ]


def _worst(fleet: Fleet) -> list[PolicyStanding]:
    """Give the policies that servers fail, the severest first."""
    return list(islice((policy for policy in fleet.policies if policy.failing), MOST_POLICIES))


def _latest_alerts(collector: Collector) -> list[flota.AlertRow]:
    with collector.questions.connect() as connection:
        return flota.latest_alerts(connection, MOST_ALERTS)
