"""The door: takes a request as the HTTP server hands it over, and hands it to the application.

The server speaks RSGI, whose requests cost no thread while their bodies come in: thousands of slow
senders keep none of the threads from which Flask answers. Headers are judged first, then the body
is read within its limits, then a thread is taken.
"""

import asyncio
import io
import math
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from flask import Flask, request
from flask.ctx import RequestContext

from API.app.collector import Collector
from API.app.door.answer import Answer, answer_of
from API.app.door.arrival import Arrival, Sender
from API.app.door.bodies import CLOSE, Bodies, Body, Coming, Most
from API.app.door.buckets import Buckets
from API.app.door.connections import Connections, Peer
from API.app.door.entrance import ARRIVAL, Admit, Entrance, entrance_of
from API.app.door.headers import Headers, with_security
from API.app.door.origin import Origin, origin_of
from API.app.door.streams import Stream, Streams, Transport
from API.app.errors import (
    ProblemError,
    StorageUnavailableError,
    problem,
    too_large,
    unavailable,
)
from API.app.metrics.counted import Counted
from API.app.settings import Settings

log = structlog.get_logger()


JUDGES = 2
"""Threads for what must be asked of the database before a body is read: few, and seldom."""

WATCHERS = 8
"""Threads for whoever asks how it goes, a supervisor and balancers: each waits some seconds for a
database that does not answer."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

ANYBODY = Entrance(in_clear=True)
"""Of a request that changes nothing and that nobody can read on the way: it need not be judged."""

NOBODY = Entrance()
"""Of what is not there."""

_DIGITS = re.compile("[0-9]{1,19}")


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


class Exchange(Coming, Protocol):
    """The body of a request, and the way back."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer."""

    def response_stream(self, status: int, headers: Headers) -> Transport:
        """Begin an answer that comes in pieces."""


class Door:
    """The RSGI application of one process."""

    def __init__(self, app: Flask, settings: Settings, counted: Counted) -> None:
        self._app = app
        self._counted = counted
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
        self._judges = ThreadPoolExecutor(JUDGES, "judge")
        self._watchers = ThreadPoolExecutor(WATCHERS, "watcher")
        self._streams = Streams(settings.port, settings.downloads, settings.header_seconds)
        self._special = _special_views(app)
        self._collector: Collector = app.extensions["collector"]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the loop that the requests will run in."""
        self._connections.watch(loop)
        self._counted.watch(loop, self._collector.writer.waiting)

    def __rsgi_del__(self, _: asyncio.AbstractEventLoop) -> None:
        """End: answers that threads are working on are waited for."""
        self._threads.shutdown()
        self._judges.shutdown()
        self._watchers.shutdown()
        self._streams.close()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        began = time.perf_counter()
        body = Body()
        arrival = self._arrival(scope)
        try:
            answer = await self._answer(arrival, scope, exchange, body)
        except ProblemError as error:
            answer = answer_of(problem(error.status, error.detail, error.headers, **error.extra))
        except StorageUnavailableError as error:
            answer = answer_of(unavailable(error))
        except Exception as error:
            log.error("unexpected error", exc_info=error)
            answer = answer_of(
                problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the collector")
            )
        finally:
            self._bodies.release(body)
        took = time.perf_counter() - began
        self._counted.answered(scope.method, scope.path, answer.status, took)
        secure = _scheme(scope, arrival.origin) == "https"
        headers = with_security(answer.headers, secure=secure)
        if isinstance(answer.body, Stream):
            transport = exchange.response_stream(answer.status, headers)
            await self._streams.send(answer.body, transport, socket_of(scope))
        else:
            exchange.response_bytes(answer.status, headers, answer.body)

    def _arrival(self, scope: Scope) -> Arrival:
        """Read the headers, and find out where the request comes from."""
        headers = headers_of(scope)
        proxies = self._settings.proxies
        origin = origin_of(peer_of(scope), scope.http_version, scope.scheme, headers, proxies)
        return Arrival(headers, origin)

    async def _answer(
        self, arrival: Arrival, scope: Scope, exchange: Exchange, body: Body
    ) -> Answer:
        self._count(self._by_address, arrival.origin, sender_of(arrival.origin, scope))
        special = self._special.get((scope.method, scope.path), NOBODY)
        if special.directly:
            await self._let_in(special, arrival, exchange, body)
            return await special.directly(self._collector, arrival)
        context = self._app.request_context(environ_of(scope, arrival))
        entrance = self._entrance(context, scope.method, arrival)
        await self._let_in(entrance, arrival, exchange, body)
        if entrance.directly:  # its URL was written in another way
            return await entrance.directly(self._collector, arrival)
        context.request.environ["wsgi.input"] = io.BytesIO(body.data)
        loop = asyncio.get_running_loop()
        threads = self._watchers if special.apart else self._threads
        answer = await loop.run_in_executor(threads, self._call, context)
        if isinstance(answer.body, Stream):
            self._streams.take_place(answer.body, sender_of(arrival.origin, scope))
        return answer

    async def _let_in(
        self, entrance: Entrance, arrival: Arrival, exchange: Exchange, body: Body
    ) -> None:
        """Judge a request by its headers, then read its body."""
        length = await self._admit(entrance, arrival, body)
        if length:
            await self._bodies.receive(exchange, length, body)
            arrival.body = body.data

    def _entrance(self, context: RequestContext, method: str, arrival: Arrival) -> Entrance:
        """Find the view that is asked, and give what it asks for."""
        if method in SAFE_METHODS and arrival.origin.secure and not arrival.has_body():
            return ANYBODY
        with context:
            rule = request.url_rule
        return entrance_of(self._app.view_functions[rule.endpoint]) if rule else NOBODY

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

    async def _admit(self, entrance: Entrance, arrival: Arrival, body: Body) -> int:
        """Judge a request by its headers and give the length of the body to read.

        Raises:
            ProblemError: 403, 411, 413, 429, or what the view's own `admit` has against it.
        """
        if not arrival.origin.secure:
            _require_harmless(arrival, entrance)
        if entrance is NOBODY or not (arrival.has_body() or entrance.admit):
            return 0
        body.senders = {arrival.origin.text}
        if entrance.admit:
            sender = arrival.sender = await self._asked(entrance.admit, entrance.waits, arrival)
            self._count(self._by_agent, arrival.origin, sender.name)
            body.senders.add(sender.name)
        return _length(arrival, entrance.limit(self._settings))

    async def _asked(self, admit: Admit, waits: bool, arrival: Arrival) -> Sender:
        """Have a view say who sends a request; in a thread, where that may take time."""
        if not waits:
            return admit(self._collector, arrival)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._judges, admit, self._collector, arrival)

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
            if isinstance(response.response, Stream) and context.request.method != "HEAD":
                return Answer(int(status[:3]), headers, response.response)
            return Answer(int(status[:3]), headers, b"".join(parts))


def _special_views(app: Flask) -> dict[tuple[str, str], Entrance]:
    """Find the views that other threads than usual answer, or none: by method and path.

    The path is with and without its last slash.
    """
    found = {}
    for rule in app.url_map.iter_rules():
        entrance = entrance_of(app.view_functions[rule.endpoint])
        if entrance.directly or entrance.apart:
            for method in rule.methods or ():
                found[method, rule.rule] = found[method, f"{rule.rule}/"] = entrance
    return found


def _require_harmless(arrival: Arrival, entrance: Entrance) -> None:
    """Refuse what must not go over a connection that others can read."""
    if not entrance.in_clear:
        why = arrival.origin.doubt or "this is answered over TLS only (https)"
        raise ProblemError(HTTPStatus.FORBIDDEN, why, CLOSE)
    if "authorization" in arrival.headers or "cookie" in arrival.headers:
        why = "no credentials are taken over plain HTTP, which others can read; use https"
        raise ProblemError(HTTPStatus.FORBIDDEN, why, CLOSE)


def _length(arrival: Arrival, limit: int) -> int:
    """Give the length of the request's body."""
    length = arrival.headers.get("content-length", "")
    if not _DIGITS.fullmatch(length) or arrival.is_chunked:
        raise ProblemError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing", CLOSE)
    if int(length) > limit:
        raise too_large(limit)
    return int(length)


def _scheme(scope: Scope, origin: Origin) -> str:
    """Tell the scheme that was asked with; a listed proxy says what it was before it."""
    if origin.forwarded:
        return "https" if origin.secure else "http"
    return scope.scheme


def peer_of(scope: Scope) -> str:
    """Give the address at the socket's other end, without its port."""
    return scope.client.rpartition(":")[0]


def socket_of(scope: Scope) -> Peer:
    """Give address and port at the socket's other end."""
    address, _, port = scope.client.rpartition(":")
    return address, int(port)


def sender_of(origin: Origin, scope: Scope) -> str:
    """Give the name under which requests are counted; what has no address, under its socket's."""
    return origin.counted or peer_of(scope)


def headers_of(scope: Scope) -> dict[str, str]:
    """Give the headers by their names in lower case, several of one name joined with commas.

    One with an underscore in its name is left out: WSGI would take it for the one with a dash.
    """
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        if "_" not in name:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def environ_of(scope: Scope, arrival: Arrival) -> dict[str, Any]:
    """Give a request as WSGI has it (PEP 3333)."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_wsgi(scope.path),
        "QUERY_STRING": _as_wsgi(scope.query_string),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": arrival.origin.text,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": _scheme(scope, arrival.origin),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        ARRIVAL: arrival,
    }
    for name, value in arrival.headers.items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = _as_wsgi(value)
    return environ


def _as_wsgi(text: str) -> str:
    """Give text as WSGI has it: its bytes, each as a character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
