"""The agents: who is out of the ordinary, and what an operator decides about them."""

import ipaddress
import re
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request

from API.app import agents as deciding
from API.app.accounts.roles import Role
from API.app.agents import ACTIONS, NoSuchServerError, role_for
from API.app.collector import the_collector
from API.app.controllers.consola.pages import (
    form,
    look_at_agents,
    page,
    require_person,
    to,
)
from API.app.controllers.consola.paging import page_of
from API.app.errors import ProblemError
from API.app.identity import Identity
from API.app.invitations import Limits, invitation_line, latest, make_secret
from API.app.queries.auditoria import NEWEST, TrailFilters, entries
from API.app.roster import FACETS, narrow
from API.app.words import SpokenError

ROTATION_H = 24
MOST_HOURS = 9_000
ITS_TRAIL = 20


def list_agents() -> Response:
    """List the agents that are wanted."""
    who = require_person()
    roster = look_at_agents()
    chosen = {name: request.args.get(name, "") for name in FACETS}
    search = request.args.get("buscar", "").strip()
    return page(
        "agents.html",
        section="agents",
        who=who,
        known=len(roster.agents),
        found=page_of(narrow(roster.agents, search, chosen)),
        facets=roster.facets,
        chosen=chosen,
        search=search,
        narrowed=bool(search or any(chosen.values())),
    )


def show_enrolment() -> Response:
    """Show how the enrolment secret stands."""
    return _enrolment(require_person())


def invite() -> Response:
    """Make an enrolment secret with limits, and show this once the line that uses it."""
    who = require_person(Role.ADMINISTRADOR)
    hours, quota, networks = form("horas", "cupo", "redes")
    collector = the_collector()
    try:
        limits = _limits(hours, quota, networks)
    except SpokenError as error:
        return _enrolment(who, told=error, status=HTTPStatus.BAD_REQUEST)
    with collector.patient.begin() as connection:
        secret = make_secret(connection, who.actor, limits)
    return _enrolment(who, line=invitation_line(collector.settings, secret))


def show_agent(id_agente: UUID) -> Response:
    """Show what there is to decide about an agent."""
    return _show(require_person(), str(id_agente))


def act(id_agente: UUID) -> Response:
    """Pause, resume, retire or revoke; what takes a server out of service is confirmed."""
    who = require_person(Role.OPERADOR)
    [name] = form("accion")
    action = ACTIONS.get(name)
    if action is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"accion must be one of {', '.join(ACTIONS)}")
    if action.confirmed and request.form.get("seguro") != "si":
        return _show(who, str(id_agente), told="action_unsure", status=HTTPStatus.BAD_REQUEST)
    with the_collector().patient.begin() as connection:
        server = _find(connection, id_agente)
        needed = role_for(action, server.estado)
        if not who.role.covers(needed):
            why = f"the role {needed} is needed; yours is {who.role}"
            raise ProblemError(HTTPStatus.FORBIDDEN, why)
        deciding.change_state(connection, who.actor, server.num_agente, action.state, action.noted)
    return to("console.show_agent", told="done_agent", id_agente=id_agente)


def rotate(id_agente: UUID) -> Response:
    """Have an agent make itself another token."""
    who = require_person(Role.ADMINISTRADOR)
    [hours] = form("horas")
    if not re.fullmatch("[0-9]{1,4}", hours) or not 1 <= int(hours) <= MOST_HOURS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"horas must be from 1 to {MOST_HOURS}")
    with the_collector().patient.begin() as connection:
        server = _find(connection, id_agente)
        deciding.ask_for_rotation(connection, who.actor, server, int(hours))
    return to("console.show_agent", told="done_rotation", id_agente=id_agente)


def label(id_agente: UUID) -> Response:
    """Give an agent these labels, and no others."""
    who = require_person(Role.OPERADOR)
    [text] = form("etiquetas")
    try:
        labels = dict(map(_pair, filter(None, map(str.strip, text.splitlines()))))
    except SpokenError as error:
        return _show(who, str(id_agente), told=error, typed=text, status=HTTPStatus.BAD_REQUEST)
    with the_collector().patient.begin() as connection:
        deciding.set_labels(connection, who.actor, _find(connection, id_agente), labels)
    return to("console.show_agent", told="done_labels", id_agente=id_agente)


def _enrolment(who: Identity, **values: Any) -> Response:
    with the_collector().reader.connect() as connection:
        return page("enrolment.html", section="agents", who=who, secret=latest(connection),
                    may_enrol=who.role.covers(Role.ADMINISTRADOR), **values)  # fmt: skip


def _show(who: Identity, id_agente: str, **values: Any) -> Response:
    collector = the_collector()
    found = {each.id_agente: each for each in collector.overview.related(id_agente)}
    agent = found.get(id_agente)
    if agent is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no server {id_agente}")
    may_rotate = who.role.covers(Role.ADMINISTRADOR)
    with collector.reader.connect() as connection:
        trail = entries(connection, TrailFilters(objeto=id_agente), NEWEST, ITS_TRAIL).entries
    return page(
        "agent.html",
        section="agents",
        who=who,
        agent=agent,
        original=found.get(agent.clone_of or ""),
        clones=[each for each in found.values() if each.clone_of == id_agente],
        actions=[
            (name, each.confirmed, role_for(each, agent.decided))
            for name, each in ACTIONS.items()
            if each.state != agent.decided
        ],
        may_label=who.role.covers(Role.OPERADOR),
        may_rotate=may_rotate,
        rotation_hours=ROTATION_H,
        trail=trail if may_rotate else None,
        **values,
    )


def _find(connection: Any, id_agente: UUID) -> Any:
    try:
        return deciding.find_to_change(connection, str(id_agente))
    except NoSuchServerError:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no server {id_agente}") from None


def _limits(hours: str, quota: str, networks: str) -> Limits:
    """Read what a secret is to be limited to; what is empty is no limit."""
    texts = networks.replace(",", " ").split()
    try:
        found = tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError:
        raise SpokenError("wrong_limits") from None
    return Limits(redes=found or None, cupo=_number(quota), horas=_number(hours))


def _number(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) < 1:
        raise SpokenError("wrong_limits")
    return int(text)


def _pair(line: str) -> tuple[str, str]:
    name, found, value = (part.strip() for part in line.partition("="))
    if not (name and found and value and line.isprintable()) or ":" in name:
        raise SpokenError("wrong_label", line=line[:60])
    return name, value
