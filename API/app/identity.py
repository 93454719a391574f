"""Who makes a request: a person with a session or a token, or a reader on this machine."""

import hmac
import math
import time
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog
from flask import Response, g, request
from sqlalchemy.exc import DBAPIError, OperationalError

from API.app.accounts import sessions, tokens
from API.app.accounts.credentials import fingerprint
from API.app.accounts.roles import Role
from API.app.audit import Actor
from API.app.collector import Collector, the_collector
from API.app.door.entrance import origin
from API.app.errors import ProblemError
from API.app.lately import LASTS_S
from API.app.version import HEADER, VERSION
from createDB.engine import said_by

log = structlog.get_logger()

POLL = "X-Poll"
"""What a page of ours sends when it asks for news by itself: nobody is using the session then."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Identity(NamedTuple):
    """Who makes the request at hand, and what they may do."""

    name: str
    role: Role
    id_cuenta: int = 0
    """The account's number; 0 for a reader on this machine, who has none."""
    id_sesion: int = 0
    """The session's number; 0 for a token."""

    @property
    def actor(self) -> Actor:
        """Give whom the audit trail is to name."""
        return Actor(self.name, str(origin().address))


LOCAL_READER = Identity("acceso-local", Role.LECTOR)


def require_role(role: Role) -> Identity:
    """Let the request in only if whoever makes it may do what `role` allows.

    Raises:
        ProblemError: 401 without credentials or with wrong ones, 403 where they don't suffice.
    """
    who = identify()
    if who is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "credentials are needed: a personal token (Authorization: Bearer), a session "
            "(/consola/entrar), or on this machine the header in the file acceso-local",
            {"WWW-Authenticate": "Bearer"},
        )
    if not who.role.covers(role):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"the role {role} is needed; yours is {who.role}")
    g.let_in = True
    return who


def require_watcher() -> None:
    """Let the request in if whoever makes it may read.

    While the database cannot be read, a token that this process let in a while ago is good still:
    whoever watches is to hear of that.

    Raises:
        DBAPIError: the database cannot be read.
        ProblemError: as `require_role`.
    """
    seen, now = the_collector().watchers, time.monotonic()
    scheme, secret = _authorization()
    token = fingerprint(secret) if scheme == "bearer" else None
    try:
        require_role(Role.LECTOR)
    except DBAPIError:
        if token is None or now - seen.get(token, -math.inf) > LASTS_S:
            raise
        g.let_in = True
    else:
        if token:
            seen[token] = now


def tell_version(response: Response) -> Response:
    """Name the version in an answer to somebody who was let in, and in no other."""
    if g.get("let_in"):
        response.headers[HEADER] = VERSION
    return response


def identify() -> Identity | None:
    """Tell who makes the request; None where it bears no credentials, or none that are good.

    Raises:
        ProblemError: 403 for a change that a page of another site may have asked for.
    """
    scheme, secret = _authorization()
    if scheme:
        return _bearer(the_collector(), secret) if scheme == "bearer" else None
    cookie = request.cookies.get(cookie_name())
    return _session(the_collector(), cookie) if cookie else None


def require_same_origin() -> None:
    """Take a change only from a page of ours, as the browser tells where it comes from.

    Every browser of today sends one of the two headers with a form, and no page can forge them
    (https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site).

    Raises:
        ProblemError: 403.
    """
    site = request.headers.get("Sec-Fetch-Site")
    host = urlsplit(request.headers.get("Origin", "")).netloc
    if not (site == "same-origin" if site is not None else host == request.host):
        raise ProblemError(HTTPStatus.FORBIDDEN, "the request does not come from a page of ours")


def cookie_name() -> str:
    """Give the name of the session's cookie; browsers keep a __Host- one to this host and TLS."""
    return "__Host-sesion" if request.is_secure else "sesion"


def _authorization() -> tuple[str, str]:
    """Give the scheme, in lower case, and the secret that the request bears; empty without any."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), secret.strip()


def _bearer(collector: Collector, secret: str) -> Identity | None:
    if hmac.compare_digest(secret.encode(), collector.local_secret.encode()):
        return LOCAL_READER if origin().local else None
    with collector.reader.connect() as connection:
        token = tokens.find_token(connection, secret)
    if token is None:
        return None
    if tokens.is_stale(token):
        _note(collector, token)
    return Identity(token.nombre, token.rol, token.id_cuenta)


def _session(collector: Collector, secret: str) -> Identity | None:
    with collector.reader.connect() as connection:
        session = sessions.find_session(connection, secret)
    if session is None:
        return None
    if request.method not in SAFE_METHODS:
        require_same_origin()
    if sessions.is_stale(session) and POLL not in request.headers:
        _note(collector, session)
    return Identity(session.nombre, session.rol, session.id_cuenta, session.id_sesion)


def _note(collector: Collector, used: sessions.Session | tokens.Token) -> None:
    """Note that a credential is used; a busy database must not keep its owner out."""
    try:
        with collector.engine.begin() as connection:
            if isinstance(used, sessions.Session):
                sessions.note_use(connection, used)
            else:
                tokens.note_use(connection, used)
    except OperationalError as error:
        log.warning("cannot note a use", reason=said_by(error))
