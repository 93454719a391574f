"""Which server makes a request, and may it: what must be so before a report is stored.

The token is looked at before a byte of the body is read, and what the body says is then held
against it. What an operator decides about a server counts from the next request on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

import structlog
from sqlalchemy.exc import OperationalError

from API.app.accounts.credentials import fingerprint, now
from API.app.agents import change_state, note_clone
from API.app.alerts.incidents import Kind, note
from API.app.audit import Actor
from API.app.collector import Collector
from API.app.door.arrival import Arrival
from API.app.door.origin import Origin
from API.app.errors import ProblemError
from API.app.ingest.intake import Received
from API.app.ingest.sql import to_ms
from API.app.ingest.store import moment_of
from API.app.queries.admission import (
    ACTIVE,
    PAUSED,
    REVOKED,
    Known,
    bearer_of,
    server_called,
    was_followed,
)
from createDB.engine import said_by

log = structlog.get_logger()

PAUSE_S = 300
"""How long an agent that is paused is asked to wait before it tries again, in seconds."""

CLONE_NOTED = timedelta(minutes=1)
"""For how long a clone that was noted need not be noted again."""


class Reporter(NamedTuple):
    """Who sends a report, so far as its headers tell."""

    name: str
    bearer: Known | None
    """The server whose token let the request in; None where it needed none."""


class ClonedError(ProblemError):
    """Two machines report under one identity, and this one must take another."""

    def __init__(self, sender: Known) -> None:
        super().__init__(
            HTTPStatus.CONFLICT,
            "another machine reports under this identity, and its boot is the current one: "
            "enrol anew",
        )
        self.sender = sender


def bearer(arrival: Arrival) -> str | None:
    """Give the secret that a request bears (RFC 6750); None where it has no credentials.

    Raises:
        ProblemError: 401 for credentials of another kind.
    """
    header = arrival.headers.get("authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthorized("Authorization must be Bearer and a token")
    return secret.strip()


def unauthorized(detail: str) -> ProblemError:
    """Make the answer to whoever has no credentials, or wrong ones."""
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


def admit_sender(collector: Collector, arrival: Arrival) -> Reporter:
    """Let a report in by its token, or from a network that needs none; give who sends it.

    Raises:
        ProblemError: 401 without a token that works, 403 where nobody knows where it comes from,
            503 while the server is paused, or nobody can tell who it is.
    """
    secret = bearer(arrival)
    if secret is None:
        return Reporter(_network(collector, arrival.origin), None)
    found = fingerprint(secret)
    sender, away = collector.lately.ask(lambda connection: bearer_of(connection, found))
    if sender is None:
        raise away or unauthorized("the token is not one that works")
    require_not_paused(sender)
    return Reporter(f"agente {sender.id_agente}", sender)


def _network(collector: Collector, origin: Origin) -> str:
    if origin.within(collector.settings.networks_without_token):
        return origin.text
    if origin.doubt:
        raise ProblemError(HTTPStatus.FORBIDDEN, origin.doubt)
    raise unauthorized(
        f"requests from {origin.address} need a token: enrol the agent, or name its network in "
        "redes_sin_token"
    )


def require_own(collector: Collector, bearer: Known | None, received: Received) -> Known | None:
    """Make sure that a report is of the server that sends it, and of its current boot.

    Args:
        collector: that was asked.
        bearer: the server whose token let it in, if any.
        received: the report.

    Returns:
        the server; None where this is the first that is heard of it.

    Raises:
        ProblemError: 401 where the server has a token that is not there, 403 where the token is
            another server's or the server is revoked, 503 where nobody can tell.
        ClonedError: for a boot that another has followed.
    """
    if bearer is None:
        sender = _without_token(collector, received.id_agente)
    elif bearer.id_agente != received.id_agente:
        raise ProblemError(HTTPStatus.FORBIDDEN, "the token is not that of $.id_agente")
    else:
        sender = bearer
    if sender is not None and _is_of_a_past_boot(collector, sender, received):
        raise ClonedError(sender)
    return sender


def require_not_paused(sender: Known) -> None:
    """Put off a server that is paused: its agent keeps its reports until it is resumed.

    Raises:
        ProblemError: 503.
    """
    if sender.estado == PAUSED:
        wait = {"Retry-After": str(PAUSE_S)}
        detail = "the operator has paused this server; its reports are taken later"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, wait)


def _without_token(collector: Collector, id_agente: str) -> Known | None:
    (sender, has_token), away = collector.lately.ask(
        lambda connection: server_called(connection, id_agente)
    )
    if sender is None:
        if away:
            raise away
        return None
    if has_token:
        raise unauthorized("the server of $.id_agente reports with its token")
    if sender.estado == REVOKED:
        raise ProblemError(HTTPStatus.FORBIDDEN, "the server of $.id_agente is revoked")
    require_not_paused(sender)
    return sender


def _is_of_a_past_boot(collector: Collector, sender: Known, received: Received) -> bool:
    """Tell whether a report comes from a boot that another followed, gathered after that began.

    A machine never goes back to an earlier boot, so there are two of them; see docs/adr.
    """
    report = received.report
    boot = report.id_arranque
    if not boot or boot == sender.arranque or sender.arranque_desde is None:
        return False
    if to_ms(moment_of(report.fecha_hora, now())) <= sender.arranque_desde:
        return False  # gathered before, and only now delivered
    found, away = collector.lately.ask(lambda connection: was_followed(connection, sender, boot))
    if away:
        raise away  # the copy knows the current boots alone
    return found


def come_back(collector: Collector, origin: Origin, sender: Known) -> None:
    """Put a server that was retired, and reports again, back into the lists."""
    actor = Actor(f"agente {sender.id_agente}", str(origin.address))
    with _if_the_database_lets("list a server again"), collector.patient.begin() as connection:
        if change_state(connection, actor, sender.num_agente, ACTIVE, "agente.volver"):
            note(connection, Kind.REGRESO, sender.num_agente)


def note_twins(collector: Collector, sender: Known) -> None:
    """Note that two machines report under one identity, once in a while."""
    if sender.clon_visto and now() - datetime.fromisoformat(sender.clon_visto) < CLONE_NOTED:
        return
    log.warning("two machines report under one identity", id_agente=sender.id_agente)
    with _if_the_database_lets("note the clone"), collector.patient.begin() as connection:
        note_clone(connection, sender.num_agente)


@contextmanager
def _if_the_database_lets(what: str) -> Iterator[None]:
    """Do without it where the database is busy: the next report is another occasion."""
    try:
        yield
    except OperationalError as error:
        log.warning(f"cannot {what}", reason=said_by(error))
