"""Which server makes a request, and may it: what must be so before a report is stored.

The token is looked at before a byte of the body is read, and what the body says is then held
against it. What an operator decides about a server counts from the next request on.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import cast

import structlog
from flask import request
from sqlalchemy.exc import OperationalError

from API.app.accounts.credentials import fingerprint, now
from API.app.agents import change_state, note_clone
from API.app.audit import Actor
from API.app.collector import the_collector
from API.app.door.entrance import origin
from API.app.errors import ProblemError
from API.app.ingest.entry import Entry
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

log = structlog.get_logger()

BEARER = "compliance.bearer"
"""Where the server whose token it is stands in a request's environment (PEP 3333)."""

PAUSE_S = 300
"""How long an agent that is paused is asked to wait before it tries again, in seconds."""

CLONE_NOTED = timedelta(minutes=1)
"""For how long a clone that was noted need not be noted again."""


def bearer() -> str | None:
    """Give the secret that the request bears (RFC 6750); None where it has no credentials.

    Raises:
        ProblemError: 401 for credentials of another kind.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthorized("Authorization must be Bearer and a token")
    return secret.strip()


def unauthorized(detail: str) -> ProblemError:
    """Make the answer to whoever has no credentials, or wrong ones."""
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


def admit_sender() -> str:
    """Let the request in by its token, or from a network that needs none; give who sends it.

    Raises:
        ProblemError: 401 without a token that works, 403 where nobody knows where it comes from,
            503 while the server is paused.
    """
    secret = bearer()
    if secret is None:
        return _from_a_network()
    with the_collector().questions.connect() as connection:
        sender = bearer_of(connection, fingerprint(secret))
    if sender is None:
        raise unauthorized("the token is not one that works")
    require_not_paused(sender)
    request.environ[BEARER] = sender
    return f"agente {sender.id_agente}"


def bearer_admitted() -> Known | None:
    """Give the server whose token let the request in; None where it needed none."""
    return cast("Known | None", request.environ.get(BEARER))


def _from_a_network() -> str:
    found = origin()
    if found.within(the_collector().settings.networks_without_token):
        return str(found.address)
    if found.doubt:
        raise ProblemError(HTTPStatus.FORBIDDEN, found.doubt)
    raise unauthorized(
        f"requests from {found.address} need a token: enrol the agent, or name its network in "
        "redes_sin_token"
    )


def require_own(sender: Known | None, entry: Entry) -> Known | None:
    """Make sure that a report is of the server that sends it, and of its current boot.

    Args:
        sender: whose token let it in, if any.
        entry: the report.

    Returns:
        the server; None where this is the first that is heard of it.

    Raises:
        ProblemError: 401 where the server has a token that is not there, 403 where the token is
            another server's or the server is revoked, 409 for a boot that another has followed.
    """
    if sender is None:
        sender = _without_token(entry.id_agente)
    elif sender.id_agente != entry.id_agente:
        raise ProblemError(HTTPStatus.FORBIDDEN, "the token is not that of $.id_agente")
    if sender is not None:
        _require_current_boot(sender, entry)
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


def _without_token(id_agente: str) -> Known | None:
    with the_collector().questions.connect() as connection:
        sender, has_token = server_called(connection, id_agente)
    if sender is None:
        return None
    if has_token:
        raise unauthorized("the server of $.id_agente reports with its token")
    if sender.estado == REVOKED:
        raise ProblemError(HTTPStatus.FORBIDDEN, "the server of $.id_agente is revoked")
    require_not_paused(sender)
    return sender


def _require_current_boot(sender: Known, entry: Entry) -> None:
    """Refuse what comes from a boot that another one has followed, gathered after that one began.

    A machine never goes back to an earlier boot, so there are two of them; see docs/adr.
    """
    report = entry.report
    boot = report.id_arranque
    if not boot or boot == sender.arranque or sender.arranque_desde is None:
        return
    if to_ms(moment_of(report.fecha_hora, now())) <= sender.arranque_desde:
        return  # gathered before, and only now delivered
    with the_collector().questions.connect() as connection:
        if not was_followed(connection, sender, boot):
            return
    _note_clone(sender)
    raise ProblemError(
        HTTPStatus.CONFLICT,
        "another machine reports under this identity, and its boot is the current one: enrol anew",
    )


def come_back(sender: Known) -> None:
    """Put a server that was retired, and reports again, back into the lists."""
    with the_collector().patient.begin() as connection:
        actor = Actor(f"agente {sender.id_agente}", str(origin().address))
        change_state(connection, actor, sender.num_agente, ACTIVE, "agente.volver")


def _note_clone(sender: Known) -> None:
    """Note that two machines report under one identity, once in a while; the refusal stands."""
    if sender.clon_visto and now() - datetime.fromisoformat(sender.clon_visto) < CLONE_NOTED:
        return
    log.warning("two machines report under one identity", id_agente=sender.id_agente)
    try:
        with the_collector().patient.begin() as connection:
            note_clone(connection, sender.num_agente)
    except OperationalError as error:
        log.warning("cannot note the clone", reason=str(error.orig))
