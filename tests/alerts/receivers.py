"""The other side: a webhook and a mail server on loopback, which keep what they are sent."""

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from tests.conftest import free_port, wait_until

SECRET = "whsec_" + "c2VjcmV0b3NlY3JldG9zZWNyZXRvc2VjcmV0bw=="


def write_file(folder: Path, url: str, **changes: Any) -> Path:
    """Write an operator's file whose one channel is a webhook; it hears of all at once."""
    secret = folder / "gancho.secreto"
    secret.touch(0o600)
    secret.write_text(SECRET)
    channel = {"nombre": "gancho", "webhook": url, "secreto_archivo": str(secret)}
    document = {
        "espera": 0, "cada": 0, "canales": [channel], "reglas": [{"canales": ["gancho"]}],
        **changes,
    }  # fmt: skip
    path = folder / "alertas.yaml"
    path.touch(0o640)
    path.write_bytes(msgspec.yaml.encode(document))
    return path


@dataclass
class Posted:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def states(self) -> list[tuple[str, str]]:
        """Which alerts it tells of: hostname or identity, and what."""
        return [(a["hostname"] or a["id_agente"], a["estado"]) for a in self.json["alertas"]]


@dataclass
class Receiver:
    """A webhook; `answers` are the statuses it gives, the last one for ever."""

    port: int = field(default_factory=free_port)
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    posted: list[Posted] = field(default_factory=list)
    text: str = ""
    """What it answers besides."""
    hold: threading.Event | None = None
    """While it is there and not set, requests are taken and not answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/gancho?clave=muy-secreta"

    @contextmanager
    def up(self) -> Iterator["Receiver"]:
        """Listen as long as the context lasts."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.posted.append(Posted(self.path, headers, body))
                if receiver.hold:
                    receiver.hold.wait(30)
                try:
                    self.send_response(receiver.answer())
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(receiver.text.encode())
                except ConnectionError:
                    pass  # whoever asked was killed

            def log_message(self, *_arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        with _serving(server):
            yield self

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait_for(self, count: int) -> list[Posted]:
        wait_until(lambda: len(self.posted) >= count, f"{count} messages")
        return self.posted


@dataclass
class MailServer:
    """An SMTP server that takes every mail."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        people = "from=colector@example.net&to=guardia@example.net"
        return f"mailto://127.0.0.1:{self.port}?smtp=127.0.0.1&mode=insecure&{people}"

    @contextmanager
    def up(self) -> Iterator["MailServer"]:
        """Listen as long as the context lasts."""
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say(220)
                for line in self.rfile:
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self.say(354)
                        mails.append(self.read_mail())
                    self.say(221 if verb == b"QUIT" else 250)
                    if verb == b"QUIT":
                        return

            def say(self, code: int) -> None:
                self.wfile.write(b"%d aqui\r\n" % code)

            def read_mail(self) -> EmailMessage:
                lines = []
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    lines.append(line.removeprefix(b"."))
                return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        with _serving(server):
            yield self


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
