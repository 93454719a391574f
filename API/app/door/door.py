"""The door: takes a request as the HTTP server hands it over, and hands it to the application.

The server speaks RSGI, whose requests cost no thread while their bodies come in: thousands of slow
senders keep none of the threads from which Flask answers. Headers are judged first, then the body
is read within its limits, then a thread is taken.
"""

import asyncio
import io
import math
import sys
import time
from collections.abc import AsyncIterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import structlog
from flask import Flask, Response, request
from flask.ctx import RequestContext

from API.app.door.bodies import CLOSE, Bodies, Body, Most
from API.app.door.buckets import Buckets
from API.app.door.connections import Connections
from API.app.door.entrance import ORIGIN, SENDER, Entrance, entrance_of
from API.app.door.headers import Headers, with_security
from API.app.door.origin import Origin, counted_as, origin_of
from API.app.errors import ProblemError, problem, too_large
from API.app.settings import Settings

log = structlog.get_logger()


class Scope(Protocol):
    """A request without its body, as granian gives it (RSGI 1.5)."""

    method: str
    path: str
    query_string: str
    http_version: str
    scheme: str
    client: str
    server: str
    headers: Any


class Exchange(AsyncIterable[bytes], Protocol):
    """The body of a request, and the way back."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer."""


class Answer(NamedTuple):
    """An answer on its way out."""

    status: int
    headers: Headers
    body: bytes


class Door:
    """The RSGI application of one process."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._bodies = Bodies(
            Most(
                settings.bodies,
                settings.bodies_of_one,
                settings.bodies_memory,
                settings.body_seconds,
            )
        )
        self._connections = Connections(
            settings.port, settings.connections_of_one, settings.proxies
        )
        self._by_address = Buckets(settings.requests_by_address)
        self._by_agent = Buckets(settings.requests_by_agent)
        self._threads = ThreadPoolExecutor(settings.threads, "request")

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the loop that the requests will run in."""
        self._connections.watch(loop)

    def __rsgi_del__(self, _: asyncio.AbstractEventLoop) -> None:
        """End: answers that threads are working on are waited for."""
        self._threads.shutdown()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        body = Body()
        try:
            answer = await self._answer(environ, scope, exchange, body)
        except ProblemError as error:
            answer = answer_of(problem(error.status, error.detail, error.headers, **error.extra))
        except Exception as error:
            log.error("unexpected error", exc_info=error)
            answer = answer_of(
                problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the collector")
            )
        finally:
            self._bodies.release(body)
        secure = environ["wsgi.url_scheme"] == "https"
        exchange.response_bytes(
            answer.status, with_security(answer.headers, secure=secure), answer.body
        )

    async def _answer(
        self, environ: dict[str, Any], scope: Scope, exchange: Exchange, body: Body
    ) -> Answer:
        origin = self._origin(environ, scope)
        self._count(self._by_address, origin, sender_of(origin, scope))
        context = self._app.request_context(environ)
        if not origin.secure or has_body(environ):
            with context:
                length = self._admit(environ, origin, body)
            if length:
                await self._bodies.receive(exchange, length, body)
        environ["wsgi.input"] = io.BytesIO(body.data)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, context)

    def _origin(self, environ: dict[str, Any], scope: Scope) -> Origin:
        """Find out where the request comes from, and leave it in `environ`."""
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        origin = origin_of(
            peer_of(scope), scope.http_version, scope.scheme, headers, self._settings.proxies
        )
        if origin.forwarded:
            environ["wsgi.url_scheme"] = "https" if origin.secure else "http"
        environ["REMOTE_ADDR"] = str(origin.address or "")
        environ[ORIGIN] = origin
        return origin

    def _count(self, buckets: Buckets, origin: Origin, sender: str) -> None:
        """Count a request; what is made on this machine may come as often as it likes."""
        if origin.local:
            return
        wait = buckets.take(sender, time.monotonic())
        if wait:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many requests from {sender}",
                {"Retry-After": str(math.ceil(wait)), **CLOSE},
            )

    def _admit(self, environ: dict[str, Any], origin: Origin, body: Body) -> int:
        """Judge a request by its headers and give the length of the body to read.

        Raises:
            ProblemError: 403, 411, 413, 429, or what the view's own `admit` has against it.
        """
        rule = request.url_rule
        entrance = entrance_of(self._app.view_functions[rule.endpoint] if rule else None)
        if not origin.secure:
            _require_harmless(environ, origin, entrance)
        if rule is None or not has_body(environ):
            return 0
        body.senders = {environ["REMOTE_ADDR"]}
        if entrance.admit:
            environ[SENDER] = entrance.admit()
            self._count(self._by_agent, origin, environ[SENDER])
            body.senders.add(environ[SENDER])
        return _length(entrance.limit(self._settings))

    def _call(self, context: RequestContext) -> Answer:
        """Have the application answer; runs in a thread.

        What Flask's own WSGI entry does, with the context in which the headers were judged: to make
        another, and match the address again, is a good part of what a report costs.
        """
        with context:
            try:
                response = self._app.full_dispatch_request()
            except Exception as error:  # noqa: BLE001 - Flask logs it and answers 500
                response = self._app.handle_exception(error)
            parts, status, headers = response.get_wsgi_response(context.request.environ)
            return Answer(int(status[:3]), headers, b"".join(parts))


def _require_harmless(environ: dict[str, Any], origin: Origin, entrance: Entrance) -> None:
    """Refuse what must not go over a connection that others can read."""
    if not entrance.in_clear:
        why = origin.doubt or "this is answered over TLS only (https)"
        raise ProblemError(HTTPStatus.FORBIDDEN, why, CLOSE)
    if "HTTP_AUTHORIZATION" in environ or "HTTP_COOKIE" in environ:
        why = "no credentials are taken over plain HTTP, which others can read; use https"
        raise ProblemError(HTTPStatus.FORBIDDEN, why, CLOSE)


def _length(limit: int) -> int:
    """Give the length of the request's body."""
    length = request.content_length
    if length is None or "Transfer-Encoding" in request.headers:
        raise ProblemError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing", CLOSE)
    if length > limit:
        raise too_large(limit)
    return length


def has_body(environ: dict[str, Any]) -> bool:
    """Tell whether a body is announced."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


def peer_of(scope: Scope) -> str:
    """Give the address at the socket's other end, without its port."""
    return scope.client.rpartition(":")[0]


def sender_of(origin: Origin, scope: Scope) -> str:
    """Give the name under which requests are counted; what has no address, under its socket's."""
    return peer_of(scope) if origin.address is None else counted_as(origin.address)


def environ_of(scope: Scope) -> dict[str, Any]:
    """Give a request as WSGI has it (PEP 3333).

    A header with an underscore in its name is left out: it would pass for the one with a dash.
    """
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_wsgi(scope.path),
        "QUERY_STRING": _as_wsgi(scope.query_string),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = _as_wsgi(value)
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _as_wsgi(text: str) -> str:
    """Give text as WSGI has it: its bytes, each as a character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def answer_of(response: Response) -> Answer:
    """Give a response of Flask as an answer."""
    return Answer(response.status_code, list(response.headers.items()), response.get_data())
