"""Exceptions from policies: granted with a reason and an end, by which they end by themselves."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from API.app.agents import find
from API.app.alerts.incidents import follow_policy
from API.app.audit import Actor, record
from API.app.queries.times import as_ms, from_ms
from API.app.words import SpokenError
from createDB.schema import excepciones, politicas

MOST_NUMBER = (1 << 31) - 1
"""What either database can hold; there is no exception of that number."""


class WaiverError(SpokenError):
    """An exception cannot be granted or ended."""


class Label(NamedTuple):
    """Servers with this label; without a value, whichever theirs is."""

    name: str
    value: str | None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


def grant(
    connection: Connection,
    actor: Actor,
    policy: str,
    whom: str | Label,
    until: datetime,
    reason: str,
) -> int:
    """Grant an exception from now on; give its number.

    Args:
        connection: in a transaction.
        actor: who grants it.
        policy: the `id` of a policy in force.
        whom: a server's identity or hostname, or a label.
        until: when it ends, with an offset.
        reason: why.

    Raises:
        WaiverError: there is no such policy, the end is past, or there is no reason.
        NoSuchServerError: there is no such server, or more than one.
    """
    num_politica = _policy(connection, policy)
    start, end = as_ms(datetime.now(UTC)), as_ms(until)
    if end <= start:
        raise WaiverError("waiver_past", until=from_ms(end))
    if not reason:
        raise WaiverError("waiver_reason")
    number: int = connection.execute(
        insert(excepciones)
        .values(
            num_politica=num_politica, motivo=reason, quien=actor.name,
            desde=start, hasta=end, **_columns(connection, whom),
        )
        .returning(excepciones.c.id_excepcion)
    ).scalar_one()  # fmt: skip
    detail = {"excepcion": number, "para": str(whom), "hasta": from_ms(end), "motivo": reason}
    record(connection, actor, "excepcion.conceder", policy, detail)
    follow_policy(connection, num_politica)
    return number


def end_now(connection: Connection, actor: Actor, number: int) -> None:
    """End an exception before its time.

    Raises:
        WaiverError: there is none of that number in force.
    """
    now = as_ms(datetime.now(UTC))
    in_force = excepciones.c.terminada.is_(None) & (excepciones.c.hasta > now)
    ended = connection.execute(
        update(excepciones)
        .where(excepciones.c.id_excepcion == min(number, MOST_NUMBER), in_force)
        .values(terminada=now)
        .returning(excepciones.c.num_politica)
    ).scalar()
    if ended is None:
        raise WaiverError("waiver_unknown", number=number)
    is_it = politicas.c.num_politica == ended
    policy = connection.execute(select(politicas.c.id_politica).where(is_it)).scalar_one()
    record(connection, actor, "excepcion.terminar", policy, {"excepcion": number})
    follow_policy(connection, ended)


def _policy(connection: Connection, name: str) -> int:
    is_it = (politicas.c.id_politica == name) & (politicas.c.vigente == 1)
    query = select(politicas.c.num_politica).where(is_it)
    found: int | None = connection.execute(query).scalar()
    if found is None:
        raise WaiverError("policy_unknown", name=name)
    return found


def _columns(connection: Connection, whom: str | Label) -> dict[str, int | str | None]:
    if isinstance(whom, Label):
        return {"etiqueta": whom.name, "valor": whom.value}
    return {"num_agente": find(connection, whom).num_agente}
