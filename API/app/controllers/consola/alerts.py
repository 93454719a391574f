"""The alerts: which are open, what waits to be told and why, and what the rules say."""

from typing import Any

from flask import Response, request

from API.app.accounts.roles import Role
from API.app.alerts import outbox
from API.app.alerts.file import read_rules
from API.app.audit import record
from API.app.collector import the_collector
from API.app.controllers.consola.audit import before
from API.app.controllers.consola.pages import form, page, require_person, to
from API.app.controllers.consola.paging import PAGE
from API.app.queries.alertas import (
    KINDS,
    STATES,
    AlertFilters,
    alerts,
    open_counts,
    undecided,
    waiting,
)
from API.app.queries.cumplimiento import SEVERITIES
from API.app.queries.times import now_ms
from API.app.settings import SettingsError

CHOICES = {"estado": STATES, "severidad": SEVERITIES, "tipo": KINDS}
"""By what the list can be narrowed, and to what."""


def list_alerts() -> Response:
    """List the alerts that are wanted, with what waits to be told."""
    who = require_person()
    wanted = {name: request.args.get(name, "") for name in CHOICES}
    chosen = {name: value for name, value in wanted.items() if value in CHOICES[name]}
    if message := request.args.get("mensaje"):
        chosen["mensaje"] = message
    with the_collector().reader.connect() as connection:
        return page(
            "alerts.html",
            section="alerts",
            who=who,
            found=alerts(connection, AlertFilters(**chosen), before("antes"), PAGE),
            chosen=chosen,
            choices=CHOICES,
            counts=open_counts(connection),
            waiting=waiting(connection),
            undecided=undecided(connection),
            may_retry=who.role.covers(Role.OPERADOR),
            **_rules(),
        )


def retry() -> Response:
    """Try all that waits now, without waiting for the pause."""
    who = require_person(Role.OPERADOR)
    form()
    with the_collector().patient.begin() as connection:
        count = outbox.retry(connection, now_ms())
        record(connection, who.actor, "alertas.reintentar", detail={"mensajes": count})
    return to("console.list_alerts", told="done_retry")


def _rules() -> dict[str, Any]:
    """Read what the operator's file says, or what is wrong with it; no secret is read."""
    path = the_collector().settings.alerts
    if path is None:
        return {"file": None}
    try:
        return {"file": read_rules(path)[0]}
    except SettingsError as error:
        return {"file": None, "wrong": str(error)}
