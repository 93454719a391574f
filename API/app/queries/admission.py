"""What is known of who reports; asked for every report, so in as few statements as can be."""

from datetime import datetime
from typing import NamedTuple

from API.app.accounts.credentials import now
from API.app.queries.direct import Direct

ACTIVE, PAUSED, RETIRED, REVOKED = "activo", "pausado", "retirado", "revocado"
LISTED = (ACTIVE, PAUSED)
"""The states of servers that lists and alerts are about."""


class Known(NamedTuple):
    """A server that reports or has enrolled."""

    num_agente: int
    id_agente: str
    estado: str
    rotacion: int | None
    """Not None where its token is to be replaced."""
    clon_visto: str | None
    arranque: str | None
    """The boot that is the current one, where that is known."""
    arranque_desde: int | None
    """The moment from which on it is, in milliseconds since 1970."""


class Invitation(NamedTuple):
    """The enrolment secret that counts; without the secret."""

    id_secreto: int
    hash: str
    hasta: str | None
    cupo: int | None
    altas: int
    redes: str | None


_KNOWN = """
    a.num_agente, a.id_agente, a.estado, a.rotacion, a.clon_visto,
    b.id_arranque, b.desde
"""
_BOOT = """
    LEFT JOIN arranques b ON b.num_agente = a.num_agente AND b.desde =
        (SELECT max(desde) FROM arranques WHERE num_agente = a.num_agente)
"""
_BEARER = f"""
    SELECT c.hasta, {_KNOWN}
    FROM credenciales c JOIN agentes a USING (num_agente) {_BOOT} WHERE c.hash = ?
"""  # noqa: S608 - text of our own
_CALLED = f"""
    SELECT EXISTS (SELECT 1 FROM credenciales c WHERE c.num_agente = a.num_agente), {_KNOWN}
    FROM agentes a {_BOOT} WHERE a.id_agente = ?
"""  # noqa: S608
_SERVERS = f"""
    SELECT {_KNOWN} FROM agentes a {_BOOT} WHERE a.num_agente > ? ORDER BY a.num_agente LIMIT ?
"""  # noqa: S608
_TOKENS = (
    "SELECT hash, num_agente, hasta FROM credenciales WHERE num_agente > ? AND num_agente <= ?"
)
_FOLLOWED = "SELECT 1 FROM arranques WHERE num_agente = ? AND id_arranque = ? AND desde < ?"
_INVITATION = """
    SELECT id_secreto, hash, hasta, cupo, altas, redes FROM secretos
    ORDER BY id_secreto DESC LIMIT 1
"""


def bearer_of(connection: Direct, fingerprint: str) -> Known | None:
    """Give the server whose token has this SHA-256; None where there is none, or no longer.

    What works no longer and what never did are the same to whoever asks.
    """
    row = connection.execute(_BEARER, (fingerprint,)).fetchone()
    if row is None or has_ended(row[0]):
        return None
    known = Known(*row[1:])
    return None if known.estado == REVOKED else known


def server_called(connection: Direct, id_agente: str) -> tuple[Known | None, bool]:
    """Give the server of this identity, None where there is none, and whether it has a token."""
    row = connection.execute(_CALLED, (id_agente,)).fetchone()
    return (None, False) if row is None else (Known(*row[1:]), bool(row[0]))


def servers_after(connection: Direct, number: int, most: int) -> list[Known]:
    """Give the next servers after one, by their numbers."""
    return [Known(*row) for row in connection.execute(_SERVERS, (number, most)).fetchall()]


def tokens_of(connection: Direct, after: int, last: int) -> list[tuple[str, int, str | None]]:
    """Give the tokens of the servers whose numbers are past `after`, up to `last`.

    Of each its SHA-256, its server's number, and when it ceases to work.
    """
    return connection.execute(_TOKENS, (after, last)).fetchall()


def was_followed(connection: Direct, known: Known, boot: str) -> bool:
    """Tell whether `boot` was the current boot of a server, and another one is now."""
    place = (known.num_agente, boot, known.arranque_desde)
    return connection.execute(_FOLLOWED, place).fetchone() is not None


def invitation(connection: Direct) -> Invitation | None:
    """Give the enrolment secret that counts: the last one; None before the first start."""
    row = connection.execute(_INVITATION).fetchone()
    return None if row is None else Invitation(*row)


def has_ended(hasta: str | None) -> bool:
    """Tell whether a moment of the database has come; one that is not set never does."""
    return hasta is not None and datetime.fromisoformat(hasta) <= now()
