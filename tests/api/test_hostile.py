"""Hostile values are data or are refused; never an error of ours, never a file elsewhere."""

import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CollectorProcess, make_report

TEXTS = (
    "arquitectura_proc", "marca_proc", "nombre_so", "version_so", "ipaddress", "hostname",
    "distribucion", "version_distribucion", "nucleo", "id_arranque", "version_agente",
)  # fmt: skip

STORED = (
    "../../etc/passwd",
    "/etc/passwd",
    "'; DROP TABLE servers; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "una\notra\r\ny otra",
    "timestamp=1 level=error event=fake",
    "=cmd|' /C calc'!A0",
    "\u202e\u2066\ufeff\x1b[2J\x07\x7f",
    "%n%n%s",
    "\\x00\\u0000",
    "x" * 4096,
)
REFUSED: tuple[Any, ...] = (
    "a\0b",
    "\ud800",
    "\udfff",
    "x" * 4097,
    "x" * (1 << 20),
    1,
    1e308,
    -1,
    True,
    [],
    {},
)


@pytest.mark.parametrize("field", [*TEXTS, "process", "user of a process", "session", "errores"])
def test_hostile_text_is_stored_as_data(shared_collector: CollectorProcess, field: str) -> None:
    for value in STORED:
        report = with_value(field, value)
        answer = shared_collector.post(report)
        assert answer.status_code == 201, answer.text
        assert shared_collector.last_line()["reporte"] == report
    assert_nothing_escaped(shared_collector)


@pytest.mark.parametrize("field", [*TEXTS, "process", "user of a process", "session", "errores"])
def test_what_is_no_text_is_refused(shared_collector: CollectorProcess, field: str) -> None:
    for value in REFUSED:
        answer = shared_collector.post(with_value(field, value))
        assert answer.status_code == 400, (value, answer.text)
        assert len(answer.text) < 20_000


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 5000, "0x10", "1_000", "-0"]
)
def test_hostile_numbers_are_refused_or_harmless(
    shared_collector: CollectorProcess, number: str
) -> None:
    body = json.dumps(make_report(pid_agente="HERE")).replace('"HERE"', number)
    answer = shared_collector.post(body.encode())
    assert answer.status_code == (201 if number == "-0" else 400)


def test_huge_number_in_an_unknown_field_is_kept(shared_collector: CollectorProcess) -> None:
    body = json.dumps(make_report(futuro="HERE")).replace('"HERE"', "1" * 4000)
    assert shared_collector.post(body.encode()).status_code == 201
    [log] = (shared_collector.storage / "text").glob("*.jsonl")
    assert b"1" * 4000 in log.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/servers/../../etc/passwd",
        "/servers/%2e%2e%2fetc%2fpasswd",
        "/servers/1%00",
        "/servers/-1",
        "/servers/1;DROP",
        "/servers?despues=%27%20OR%201=1--",
        "/servers?ip=%00&hostname=%ff%fe",
        "/servers?hostname=" + "%25" * 2000,
        "/servers?limite=1&limite=2",
        "/" + "a" * 5000,
        "//servers",
        "/%ff",
    ],
)
def test_hostile_urls_are_answered(shared_collector: CollectorProcess, path: str) -> None:
    with socket.create_connection(("127.0.0.1", shared_collector.port), timeout=20) as client:
        access = "".join(f"{k}: {v}\r\n" for k, v in shared_collector.local_access.items())
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{access}Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer[9:12] in (b"200", b"308", b"400", b"404", b"414")
    assert b"root:" not in answer


@given(body=st.binary(max_size=300), packed=st.booleans())
def test_any_bytes_are_answered(
    shared_collector: CollectorProcess, body: bytes, packed: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if packed else {}
    answer = shared_collector.post(body, **headers)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


@given(data=st.data())
def test_any_damage_to_a_report_is_answered(
    shared_collector: CollectorProcess, data: st.DataObject
) -> None:
    body = bytearray(json.dumps(make_report()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert shared_collector.post(bytes(body)).status_code in (200, 201, 400)


@given(name=st.text(max_size=20), value=st.text(max_size=60))
def test_any_query_is_answered(shared_collector: CollectorProcess, name: str, value: str) -> None:
    for key in (name, "ip", "hostname", "so", "limite", "despues"):
        answer = shared_collector.get("/servers", params={key: value})
        assert answer.status_code in (200, 400)


def with_value(field: str, value: Any) -> dict[str, Any]:
    if field == "process":
        return make_report(procesos=[{"pid": 1, "name": value, "username": "root"}])
    if field == "user of a process":
        return make_report(procesos=[{"pid": 1, "name": "x", "username": value}])
    if field == "session":
        return make_report(usuarios_activos=[{"name": value}])
    if field == "errores":
        return make_report(errores={"procesos": value})
    return make_report(**{field: value})


COUNTED = re.compile(r"storage/metricas/(counter|histogram|gauge_livesum)_\d+\.db")
"""Where processes count for /metrics."""


def assert_nothing_escaped(collector: CollectorProcess) -> None:
    """Nothing but the collector's own files is in its folder or beside it."""
    found = {
        str((Path(folder) / name).relative_to(collector.storage.parent))
        for folder, _, names in os.walk(collector.storage.parent)
        for name in names
    }
    found = {name for name in found if not COUNTED.fullmatch(name)}
    [log] = (collector.storage / "text").iterdir()
    database = "storage/database/servers.sqlite"
    allowed = {
        "collector.log",
        "storage/.lock",
        "storage/acceso-local",
        "storage/conocidos.sqlite",
        f"storage/text/{log.name}",
    }
    if collector.postgresql:
        allowed.add("storage/nombre")
    assert found - {database, f"{database}-wal", f"{database}-shm"} == allowed
    assert "fake" not in collector.log
