"""A collector that does as it is told: a real HTTP server whose answers a test scripts.

A behaviour is a function that is given the exchange and answers it, or not. The script's are used
up one for each POST; after them, ``usual`` answers.
"""

import gzip
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Exchange(BaseHTTPRequestHandler):
    """One request to the scripted collector."""

    protocol_version = "HTTP/1.1"
    server: "ScriptedCollector"
    body: bytes = b""

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output quiet."""

    def do_GET(self) -> None:
        self.server.gets.get(self.path, page(404))(self)

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.take(self)(self)

    @property
    def report(self) -> dict[str, Any]:
        """The report as our collector reads it, unpacked if it says so."""
        packed = self.headers.get("Content-Encoding") == "gzip"
        found = json.loads(gzip.decompress(self.body) if packed else self.body)
        assert isinstance(found, dict)
        return found

    def answer(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Close the connection as a crash does: with a reset (SO_LINGER 0, socket(7))."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()
        self.wfile = self.rfile = _Nowhere()  # type: ignore[assignment]


class _Nowhere:
    closed = True

    def close(self) -> None:
        """There is nothing left to close."""

    def flush(self) -> None:
        """There is nothing left to send."""

    def readline(self, *_: Any) -> bytes:
        return b""


class Post(NamedTuple):
    """What came in one POST."""

    path: str
    headers: Message
    body: bytes


Behaviour = Callable[[Exchange], None]


class ScriptedCollector(ThreadingHTTPServer):
    """Listens on a free port of loopback; keeps what arrived and what it accepted."""

    daemon_threads = True

    def __init__(self, port: int = 0, family: int = socket.AF_INET) -> None:
        self.address_family = family
        self.script: deque[Behaviour] = deque()
        self.usual: Behaviour = stored
        self.gets: dict[str, Behaviour] = {}
        self.accepted: list[dict[str, Any]] = []
        self.posts: list[Post] = []
        self.over = threading.Event()
        self._turn = threading.Lock()
        super().__init__(("::1" if family == socket.AF_INET6 else "127.0.0.1", port), Exchange)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """An agent that hangs up is part of the play."""

    @property
    def url(self) -> str:
        """Where it listens."""
        host = "[::1]" if self.address_family == socket.AF_INET6 else "127.0.0.1"
        return f"http://{host}:{self.server_address[1]}"

    def play(self, behaviours: Iterable[Behaviour]) -> None:
        """Add to the script."""
        self.script.extend(behaviours)

    def take(self, exchange: Exchange) -> Behaviour:
        """Return what to do with a POST."""
        with self._turn:
            self.posts.append(Post(exchange.path, exchange.headers, exchange.body))
            return self.script.popleft() if self.script else self.usual

    @property
    def ids(self) -> list[str]:
        """The accepted reports' ids, in the order in which they came."""
        return [report["id_reporte"] for report in self.accepted]

    def close(self) -> None:
        """Stop listening, as a collector that is down."""
        self.over.set()
        self.shutdown()
        self.server_close()


def stored(exchange: Exchange) -> None:
    """Accept a report, as our collector does: 201 with its number, 200 for one it has."""
    server = exchange.server
    report = exchange.report
    known = report["id_reporte"] in server.ids
    if not known:
        server.accepted.append(report)
    number = server.ids.index(report["id_reporte"]) + 1
    exchange.answer(200 if known else 201, "application/json", b'{"id_serv": %d}' % number)


def first_generation(exchange: Exchange) -> None:
    """Accept a report as the first generation does: no gzip, the report itself for an answer."""
    try:
        report = json.loads(exchange.body)
    except ValueError as error:
        first_generation_failure(exchange, str(error))
        return
    exchange.server.accepted.append(report)
    exchange.answer(201, "application/json", json.dumps(report, indent=2).encode())


def first_generation_failure(exchange: Exchange, reason: str = "database is locked") -> None:
    """Fail as the first generation does, whatever the reason."""
    exchange.answer(400, "application/json", json.dumps({"ERROR": reason}).encode())


def problem(status: int, detail: str = "", **headers: str) -> Behaviour:
    """Answer with a problem document (RFC 9457), as our collector does."""
    body = json.dumps({"type": "about:blank", "status": status, "detail": detail}).encode()
    return lambda exchange: exchange.answer(status, "application/problem+json", body, **headers)


def page(status: int, **headers: str) -> Behaviour:
    """Answer with a page, as a proxy does."""
    body = b"<html><body><h1>Bienvenido</h1></body></html>"
    return lambda exchange: exchange.answer(status, "text/html", body, **headers)


def json_answer(status: int, value: object) -> Behaviour:
    """Answer with some JSON."""
    body = json.dumps(value).encode()
    return lambda exchange: exchange.answer(status, "application/json", body)


def reset(exchange: Exchange) -> None:
    """Crash before answering."""
    exchange.reset()


def reset_in_mid_answer(exchange: Exchange) -> None:
    """Crash after half of a good answer."""
    exchange.wfile.write(
        b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"id_'
    )
    exchange.reset()


def silent(exchange: Exchange) -> None:
    """Never answer."""
    exchange.server.over.wait(60)


def trickling(exchange: Exchange) -> None:
    """Answer one byte at a time, never coming to an end, not even of the headers."""
    exchange.wfile.write(b"HTTP/1.1 201 Created\r\nX-Slow: ")
    while not exchange.server.over.wait(0.02):
        exchange.wfile.write(b"a")


def stored_anything(exchange: Exchange) -> None:
    """Accept whatever is JSON, even without an id."""
    exchange.server.accepted.append(exchange.report)
    exchange.answer(201, "application/json", b'{"id_serv": 1}')
