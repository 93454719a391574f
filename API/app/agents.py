"""What operators decide about servers: the columns of `agentes` that no report fills."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, or_, select, update

from API.app.accounts.credentials import now
from API.app.accounts.roles import Role
from API.app.alerts.incidents import Kind, follow_server, note
from API.app.audit import Actor, record
from API.app.queries.admission import ACTIVE, PAUSED, RETIRED, REVOKED
from API.app.words import SpokenError
from createDB.schema import agentes


class Action(NamedTuple):
    """What an operator does about a server."""

    state: str
    """The one that it gives."""
    noted: str
    """Its name in the audit trail."""
    confirmed: bool
    """Whether it takes a server out of service."""


ACTIONS = {
    "pausar": Action(PAUSED, "agente.pausar", confirmed=False),
    "reanudar": Action(ACTIVE, "agente.reanudar", confirmed=False),
    "retirar": Action(RETIRED, "agente.retirar", confirmed=True),
    "revocar": Action(REVOKED, "agente.revocar", confirmed=True),
}


def role_for(action: Action, state: str) -> Role:
    """Tell who may do it to a server in a state: who comes in is the administrator's to say."""
    return Role.ADMINISTRADOR if REVOKED in (action.state, state) else Role.OPERADOR


class NoSuchServerError(SpokenError):
    """A name stands for no server, or for several."""


def find(connection: Connection, name: str) -> Row[Any]:
    """Give the server of an identity, or of a hostname that no other server of today has.

    Hostnames are what agents say: one that is another server's identity stands for that server.

    Raises:
        NoSuchServerError: there is none, or more than one.
    """
    return _found(connection, name, select(agentes))


def find_to_change(connection: Connection, name: str) -> Row[Any]:
    """Give what `find` gives, as it is until the transaction ends: nobody else changes it."""
    lasting = select(agentes).order_by(agentes.c.num_agente).with_for_update(key_share=True)
    return _found(connection, name, lasting)


def _found(connection: Connection, name: str, servers: Select[Any]) -> Row[Any]:
    is_it = or_(agentes.c.id_agente == name.lower(), agentes.c.hostname == name)
    found = connection.execute(servers.where(is_it)).all()
    found = [row for row in found if row.id_agente == name.lower()] or found
    if len(found) > 1:
        found = [row for row in found if row.estado not in (RETIRED, REVOKED)] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuchServerError("server_unknown", name=name)
    identities = ", ".join(row.id_agente for row in found)
    raise NoSuchServerError("server_ambiguous", name=name, identities=identities)


def change_state(
    connection: Connection, actor: Actor, num_agente: int, state: str, action: str
) -> bool:
    """Give a server a state; tell whether it had another. It counts from the next request on."""
    changed = connection.execute(
        update(agentes)
        .where(agentes.c.num_agente == num_agente, agentes.c.estado != state)
        .values(estado=state)
        .returning(agentes.c.id_agente)
    ).first()
    if changed:
        record(connection, actor, action, changed.id_agente)
        follow_server(connection, num_agente)
    return changed is not None


def label(
    connection: Connection, actor: Actor, server: Row[Any], changes: Mapping[str, str]
) -> dict[str, str]:
    """Set labels, remove those whose new value is empty; give all that the server now has.

    The server is as `find_to_change` gave it.
    """
    labels: dict[str, str] = json.loads(server.etiquetas or "{}") | changes
    return set_labels(connection, actor, server, labels)


def set_labels(
    connection: Connection, actor: Actor, server: Row[Any], given: Mapping[str, str]
) -> dict[str, str]:
    """Give a server these labels and no others, but for those without a value; give them."""
    labels = {name: given[name] for name in sorted(given) if given[name]}
    kept = json.dumps(labels, ensure_ascii=False) if labels else None
    _set(connection, server.num_agente, etiquetas=kept)
    record(connection, actor, "agente.etiquetar", server.id_agente, labels)
    follow_server(connection, server.num_agente)
    return labels


def ask_for_rotation(connection: Connection, actor: Actor, server: Row[Any], hours: int) -> None:
    """Have a server's agent make itself a new token; the old one works `hours` more after that."""
    _set(connection, server.num_agente, rotacion=hours)
    record(connection, actor, "agente.rotar", server.id_agente, {"horas": hours})


def note_clone(connection: Connection, num_agente: int) -> None:
    """Note that a second machine reports under a server's identity."""
    _set(connection, num_agente, clon_visto=now())
    note(connection, Kind.CLON, num_agente)


def clones_of(connection: Connection, id_agente: str) -> Sequence[str]:
    """Give the identities that enrolled with the token of this one."""
    query = select(agentes.c.id_agente).where(agentes.c.clon_de == id_agente)
    return connection.execute(query).scalars().all()


def _set(connection: Connection, num_agente: int, **values: str | int | datetime | None) -> None:
    connection.execute(update(agentes).where(agentes.c.num_agente == num_agente).values(**values))
