"""The audit trail: who did what, from where, when. It only grows; the database sees to that."""

import json
import os
import pwd
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from createDB.schema import auditoria


class Actor(NamedTuple):
    """Who does something, and from where."""

    name: str
    origin: str
    """An address, or `terminal` for a command on the collector's own machine."""


def operator() -> Actor:
    """Give the actor of a command: the account that runs it."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return Actor(name, "terminal")


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    target: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note that `actor` did `action`, within the transaction that does it.

    Args:
        connection: inside that transaction.
        actor: who, and from where.
        action: what was done, such as `agente.revocar`.
        target: to whom or what.
        detail: what else is worth knowing; never a secret.
    """
    connection.execute(
        insert(auditoria).values(
            momento=datetime.now(UTC).replace(tzinfo=None),
            quien=actor.name,
            desde=actor.origin,
            accion=action,
            objeto=target,
            detalle=json.dumps(detail, ensure_ascii=False) if detail else None,
        )
    )


def latest(connection: Connection, count: int) -> Sequence[Row[Any]]:
    """Give the `count` newest entries, the newest first."""
    query = select(auditoria).order_by(auditoria.c.id_auditoria.desc()).limit(count)
    return connection.execute(query).all()
