"""The policies: how the fleet stands with each, why, what to do, and what is excepted."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Response, request

from API.app.accounts.roles import Role
from API.app.agents import NoSuchServerError
from API.app.collector import the_collector
from API.app.controllers.consola.pages import form, look_at_fleet, page, require_person, to
from API.app.controllers.consola.paging import PAGE, Part, asked
from API.app.errors import ProblemError
from API.app.fleet import Fleet, PolicyStanding
from API.app.identity import Identity
from API.app.queries import politicas
from API.app.queries.times import as_ms
from API.app.waivers import Label, WaiverError, end_now, grant
from API.app.words import SpokenError

SHOWN_FIRST = "no_cumple"
TABS = (SHOWN_FIRST, "exceptuado", "sin_datos", "cumple", "no_aplica")
USUAL_DAYS = 30
"""How long an exception lasts unless somebody says otherwise."""


def list_policies() -> Response:
    """List the policies in force, the severest first."""
    who = require_person()
    return page(
        "policies.html", section="policies", who=who, fleet=look_at_fleet(),
        may_try=who.role.covers(Role.OPERADOR),
    )  # fmt: skip


def show_policy(id_politica: str) -> Response:
    """Show one policy, and the servers of which it says one thing."""
    return _show(require_person(), id_politica)


def add_exception(id_politica: str) -> Response:
    """Except a server, or those with a label, from a policy."""
    who = require_person(Role.OPERADOR)
    kind, name, until, reason = form("tipo", "quien", "hasta", "motivo")
    try:
        whom = _label(name.strip()) if kind == "etiqueta" else name.strip()
        with the_collector().patient.begin() as connection:
            grant(connection, who.actor, id_politica, whom, _end_of(until), reason.strip())
    except (NoSuchServerError, WaiverError) as error:
        return _show(who, id_politica, told=error, status=HTTPStatus.BAD_REQUEST)
    return to("console.show_policy", told="done_excepted", id_politica=id_politica)


def end_exception(id_politica: str, id_excepcion: int) -> Response:
    """End an exception before its time."""
    who = require_person(Role.OPERADOR)
    form()
    try:
        with the_collector().patient.begin() as connection:
            end_now(connection, who.actor, id_excepcion)
    except WaiverError as error:
        return _show(who, id_politica, told=error, status=HTTPStatus.NOT_FOUND)
    return to("console.show_policy", told="done_exception_ended", id_politica=id_politica)


def _show(
    who: Identity,
    id_politica: str,
    told: SpokenError | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    now = datetime.now(UTC)
    policy = _named(look_at_fleet(), id_politica)
    verdict = request.args.get("veredicto", SHOWN_FIRST)
    verdict = verdict if verdict in TABS else SHOWN_FIRST
    with the_collector().questions.connect() as connection:
        document = politicas.document(connection, id_politica)
        waivers = politicas.waivers(connection, policy.num_politica)
        number = asked(total := policy.counts[verdict])
        skip = (number - 1) * PAGE
        said = politicas.servers_by_verdict(
            connection, policy.num_politica, verdict, as_ms(now), PAGE, skip
        )
    return page(
        "policy.html",
        section="policies",
        who=who,
        told=told,
        status=status,
        policy=policy,
        document=document,
        verdicts=TABS,
        verdict=verdict,
        found=Part(said, skip + 1, total, number),
        waivers=waivers,
        now=as_ms(now),
        may_except=who.role.covers(Role.OPERADOR),
        asked=_asked(now),
    )


def _named(fleet: Fleet, name: str) -> PolicyStanding:
    for policy in fleet.policies:
        if policy.id == name:
            return policy
    raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no policy {name} in force")


def _asked(now: datetime) -> dict[str, Any]:
    """Give what the form for an exception holds: what was sent, or what is usual."""
    usual = {
        "tipo": "servidor",
        "quien": request.args.get("servidor", ""),
        "hasta": f"{now + timedelta(days=USUAL_DAYS):%Y-%m-%d}",
        "motivo": "",
    }
    return {name: request.form.get(name, value) for name, value in usual.items()}


def _label(text: str) -> Label:
    name, found, value = text.partition(":")
    if not name or (found and not value):
        raise WaiverError("waiver_label", text=text)
    return Label(name, value if found else None)


def _end_of(text: str) -> datetime:
    """Give the end of a day, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise WaiverError("waiver_date", text=text) from None
