"""Requests of every kind against a running collector: none is answered 500, and it goes on serving.

20,000 of them with --long. Bytes, not only valid shapes: methods, paths, parameters, headers,
bodies, gzip; with credentials of an administrator, so that more than the door is tried.
"""

import gzip
import json
import socket
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from API.app.accounts.roles import Role
from tests.api.people import make_account, make_session
from tests.conftest import CollectorProcess, NewCollector, make_report

FORM = b"application/x-www-form-urlencoded"
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "X" * 40)
PATHS = (
    "/servers", "/servers/", "/servers/1", "/agentes", "/cambios", "/healthz", "/readyz",
    "/agentes/3f1c9a52-6b1e-4c0d-9f3a-0d4f2f6f8a11/estado", "/consola/entrar", "/consola/cuenta",
    "/consola/cuenta/clave", "/consola/cuenta/tokens", "/consola/cuenta/tokens/1/revocar",
    "/static/vendor/pico-2.1.1.min.css", "/static/../app/auth.py", "/ca.pem", "/",
)  # fmt: skip
PARAMETERS = (
    "ip", "hostname", "so", "limite", "despues", "en", "agente", "campo", "tipo", "nombre",
    "usuario", "desde", "hasta",
)  # fmt: skip
HEADERS = (
    "Host", "Accept-Language", "Content-Encoding", "Content-Type", "Origin", "User-Agent",
    "Sec-Fetch-Site", "X-Forwarded-For", "Range", "If-None-Match", "Te",
)  # fmt: skip
VALUES = (
    "1", "-1", "9" * 30, "*", "%", "null", "gzip", "application/json", "debian", "same-origin",
    "2026-11-20T10:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "' OR 1=1 --", "../../etc/passwd", "1.1.1", "application/x-www-form-urlencoded",
)  # fmt: skip

REPORT = json.dumps(make_report()).encode()

visible = st.binary(max_size=24).map(lambda raw: raw.translate(None, b"\r\n\0 #"))
quoted = st.binary(max_size=24).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw).encode())
value = st.sampled_from(VALUES).map(lambda text: text.replace(" ", "+").encode()) | quoted | visible
path = st.sampled_from(PATHS).map(str.encode) | quoted.map(lambda part: b"/" + part)
query = st.lists(
    st.tuples(st.sampled_from(PARAMETERS).map(str.encode) | quoted, value), max_size=4
).map(lambda pairs: b"&".join(name + b"=" + text for name, text in pairs))
header_value = st.sampled_from(VALUES).map(str.encode) | st.binary(max_size=40).map(
    lambda raw: raw.translate(None, b"\r\n\0")
)
headers = st.dictionaries(st.sampled_from(HEADERS).map(str.encode), header_value, max_size=4)


@st.composite
def damaged_reports(draw: st.DrawFn) -> bytes:
    body = bytearray(REPORT)
    for _ in range(draw(st.integers(0, 4))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, len(body)))]) if draw(st.booleans()) else bytes(body)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, dict[bytes, bytes]]:
    """A body, and the headers that would make it be taken for what it is, or for something else."""
    body = draw(st.binary(max_size=80) | damaged_reports() | query)
    kind = draw(
        st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", b"a/b"])
    )
    said = {b"Content-Type": kind}
    if draw(st.booleans()):
        said[b"Content-Encoding"] = b"gzip"
        body = gzip.compress(body, 1, mtime=0) if draw(st.booleans()) else body
        if body and draw(st.booleans()):
            body = body[: draw(st.integers(1, len(body)))]
    return body, said


class Fuzzed(NamedTuple):
    """A collector, and what its administrator's requests bear."""

    collector: CollectorProcess
    credentials: dict[bytes, bytes]


@pytest.fixture(scope="module")
def fuzzed(new_shared_collector: NewCollector) -> Fuzzed:
    collector = new_shared_collector().start()
    session = make_session(collector, make_account(collector, "jefa", Role.ADMINISTRADOR))
    assert collector.post(make_report()).status_code == 201
    return Fuzzed(collector, {b"Cookie": b"sesion=" + session.encode()})


def exchange(port: int, request: bytes, *, whole: bool) -> bytes:
    """Send bytes, and nothing after them where they are not `whole`; give what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        if not whole:
            client.shutdown(socket.SHUT_WR)
        try:
            return b"".join(iter(lambda: client.recv(65_536), b""))
        except ConnectionResetError:
            return b""


def status(answer: bytes) -> int:
    """The status of an answer; 0 where the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def test_no_request_is_answered_500(fuzzed: Fuzzed, long_run: bool) -> None:
    many = settings(
        max_examples=18_000 if long_run else 300,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @many
    @given(st.sampled_from(METHODS), path, query, headers, bodies(), st.booleans())
    def attack(
        method: str,
        where: bytes,
        asked: bytes,
        said: dict[bytes, bytes],
        content: tuple[bytes, dict[bytes, bytes]],
        known: bool,
    ) -> None:
        body, kind = content
        fields = {b"Host": b"localhost", b"Connection": b"close", **kind, **said}
        body = body if method == "POST" else b""
        fields |= {b"Content-Length": b"%d" % len(body)}
        fields |= fuzzed.credentials | {b"Sec-Fetch-Site": b"same-origin"} if known else {}
        lines = b"".join(name + b": " + text + b"\r\n" for name, text in fields.items())
        start = method.encode() + b" " + where + (b"?" + asked if asked else b"") + b" HTTP/1.1\r\n"
        answer = exchange(fuzzed.collector.port, start + lines + b"\r\n" + body, whole=True)
        assert status(answer) != 500, (start, fields, body, answer)
        seen[status(answer)] += 1

    seen: Counter[int] = Counter()
    attack()
    assert {200, 400, 404, 405} <= set(seen), "the requests get beyond the door"
    assert seen[0] < seen.total() / 20, "and are answered"
    assert fuzzed.collector.get("/healthz").status_code == 200
    assert "unexpected error" not in fuzzed.collector.log


def test_no_bytes_stop_it(fuzzed: Fuzzed, long_run: bool) -> None:
    many = settings(
        max_examples=2_000 if long_run else 60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @many
    @given(st.binary(max_size=400), st.booleans())
    def attack(noise: bytes, after_a_start: bool) -> None:
        start = b"POST /servers HTTP/1.1\r\nHost: x\r\n" if after_a_start else b""
        assert status(exchange(fuzzed.collector.port, start + noise, whole=False)) != 500

    attack()
    assert fuzzed.collector.get("/healthz").status_code == 200
    assert "unexpected error" not in fuzzed.collector.log
