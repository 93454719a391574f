"""How a server becomes known: it registers its token with the enrolment secret, or with its own.

The only code that writes into `credenciales`. What is limited is counted in the database, inside
the transaction that enrols, so that it holds for all processes together.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, insert, select, update

from API.app.accounts.credentials import now
from API.app.audit import Actor, record
from API.app.errors import ProblemError
from API.app.invitations import count_enrolment
from API.app.queries.admission import REVOKED, Invitation, Known
from API.app.serial import serially
from createDB.postgresql.locks import Lock
from createDB.schema import agentes, credenciales

MINUTE = timedelta(minutes=1)


class Enrolment(msgspec.Struct):
    """What an agent asks for: that this identity reports with the token of this SHA-256."""

    id_agente: UUID
    token_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class Authority(NamedTuple):
    """By what right somebody enrols: one of the two."""

    secret: Invitation | None = None
    token: Known | None = None

    @property
    def name(self) -> str:
        """How the audit trail names it."""
        if self.token:
            return f"agente {self.token.id_agente}"
        return f"secreto de alta {self.secret.id_secreto if self.secret else '?'}"


_decoder = msgspec.json.Decoder(Enrolment)


def decode_enrolment(body: bytes) -> Enrolment:
    """Decode and check the JSON text `body`.

    Raises:
        ProblemError: 400.
    """
    try:
        asked = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is no enrolment: {error}") from None
    if asked.id_agente.version != 4:  # others are derived, from addresses that are somebody's
        raise ProblemError(HTTPStatus.BAD_REQUEST, "$.id_agente must be a random UUID (version 4)")
    return asked


def enrol(
    connection: Connection, asked: Enrolment, by: Authority, address: str, a_minute: int
) -> bool:
    """Register a token.

    Args:
        connection: inside a transaction.
        asked: whose token, and which.
        by: what right.
        address: where from.
        a_minute: how many tokens all servers together may register in a minute.

    Returns:
        True for a new token, False where this server has it already.

    Raises:
        ProblemError: 409 where identity or token are another's, 403 or 429 at a limit.
    """
    serially(connection, Lock.ENROLLING)
    if _is_registered(connection, asked):
        return False
    server = _server(connection, str(asked.id_agente))
    if server is not None and server.bears:
        number, action = _renew(connection, server, by), "agente.renovar-token"
    else:
        number, action = _admit(connection, asked, server, by), "agente.alta"
    _require_rate(connection, a_minute)
    connection.execute(
        insert(credenciales).values(hash=asked.token_sha256, num_agente=number, desde=now())
    )
    record(connection, Actor(by.name, address), action, str(asked.id_agente))
    return True


class _Server(NamedTuple):
    """A server that somebody enrols, and whether it has a token."""

    num_agente: int
    id_agente: str
    estado: str
    rotacion: int | None
    bears: bool


def _is_registered(connection: Connection, asked: Enrolment) -> bool:
    """Tell whether this is the answer that was lost.

    Raises:
        ProblemError: 409 where the token is another server's, or works no longer.
    """
    found = connection.execute(
        select(agentes.c.id_agente, agentes.c.estado, credenciales.c.hasta)
        .join(agentes, agentes.c.num_agente == credenciales.c.num_agente)
        .where(credenciales.c.hash == asked.token_sha256)
    ).first()
    if found is None:
        return False
    works = found.estado != REVOKED and (found.hasta is None or found.hasta > now())
    if found.id_agente != str(asked.id_agente) or not works:
        raise _conflict()
    return True


def _server(connection: Connection, id_agente: str) -> _Server | None:
    bears = select(credenciales.c.hash).where(credenciales.c.num_agente == agentes.c.num_agente)
    columns = (agentes.c.num_agente, agentes.c.id_agente, agentes.c.estado, agentes.c.rotacion)
    row = connection.execute(
        select(*columns, bears.exists()).where(agentes.c.id_agente == id_agente)
    ).first()
    if row is None:
        return None
    if row.estado == REVOKED:
        raise _conflict()
    return _Server(*row)


def _admit(connection: Connection, asked: Enrolment, server: _Server | None, by: Authority) -> int:
    """Give the number of a server that has no token yet; it may have reported without one.

    Raises:
        ProblemError: 403 where the secret enrols no more, 409 where a clone's identity is not new.
    """
    if by.secret:
        count_enrolment(connection, by.secret)
    if server is not None and by.token:
        raise _conflict()
    if server is not None:
        return server.num_agente
    parent = by.token.id_agente if by.token else None
    new = connection.exec_driver_sql(_NEW_SERVER, (str(asked.id_agente), parent)).scalar()
    if new is None:  # at this moment its first report came, without a token
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "try again", {"Retry-After": "1"})
    return int(new)


_NEW_SERVER = """
    INSERT INTO agentes (id_agente, clon_de) VALUES (?, ?)
    ON CONFLICT (id_agente) DO NOTHING RETURNING num_agente
"""


def _renew(connection: Connection, server: _Server, by: Authority) -> int:
    """End the token of a server that was asked to rotate it, after the time that it was given.

    Raises:
        ProblemError: 409 where it was not asked, or somebody else asks.
    """
    is_itself = by.token is not None and by.token.num_agente == server.num_agente
    if not is_itself or server.rotacion is None:
        raise _conflict()
    connection.execute(
        update(credenciales)
        .where(credenciales.c.num_agente == server.num_agente, credenciales.c.hasta.is_(None))
        .values(hasta=now() + timedelta(hours=server.rotacion))
    )
    connection.execute(
        update(agentes).where(agentes.c.num_agente == server.num_agente).values(rotacion=None)
    )
    return server.num_agente


def _require_rate(connection: Connection, a_minute: int) -> None:
    """Refuse a token too many; the moment comes when the oldest of the last minute has left it."""
    moments: Sequence[datetime] = (
        connection.execute(
            select(credenciales.c.desde)
            .where(credenciales.c.desde > now() - MINUTE)
            .order_by(credenciales.c.desde.desc())
            .limit(a_minute)
        )
        .scalars()
        .all()
    )
    if len(moments) >= a_minute:
        wait = math.ceil((moments[-1] + MINUTE - now()).total_seconds())
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"no more than {a_minute} servers enrol in a minute",
            {"Retry-After": str(max(1, wait))},
        )


def _conflict() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT, "this identity has another token, or this token another identity"
    )
