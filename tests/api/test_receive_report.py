"""POST /servers: every answer it can give."""

import gzip
import json
import re
import socket
import uuid
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CollectorProcess, load_contract, make_report

SEED = ("arquitectura_proc", "marca_proc", "nombre_so", "version_so", "ipaddress")


def test_it_works(collector: CollectorProcess) -> None:
    report = make_report()
    answer = collector.post(report)
    assert answer.status_code == 201
    assert answer.json() == {"id_serv": 1}

    [server] = collector.rows("SELECT * FROM servers")
    assert {name: server[name] for name in SEED} == {name: report[name] for name in SEED}
    assert server["id_serv"] == 1
    assert server["fecha_hora"] == "2026-11-20 10:00:00.000250"
    assert server["errores"] is None

    processes = collector.rows("SELECT * FROM procesos ORDER BY id_proc")
    assert [(row["pid"], row["name"], row["username"]) for row in processes] == [
        (item["pid"], item["name"], item["username"]) for item in report["procesos"]
    ]
    sessions = collector.rows("SELECT * FROM usuarios_activos ORDER BY id_usr")
    assert [(row["pid"], row["username"]) for row in sessions] == [
        (item["pid"], item["name"]) for item in report["usuarios_activos"]
    ]
    for row in processes + sessions:
        assert (row["id_serv"], row["ip_server"]) == (1, report["ipaddress"])
        assert row["fecha_hora"] == server["fecha_hora"]

    [line] = collector.journal()
    assert line["id_serv"] == 1
    assert line["id_reporte"] == report["id_reporte"]
    assert line["reporte"] == report
    assert line["recibido"].replace("T", " ").removesuffix("+00:00") == server["recibido"]


@pytest.mark.parametrize("path", ["/servers", "/servers/"])
def test_first_generation_report_is_taken(shared_collector: CollectorProcess, path: str) -> None:
    report = load_contract("first_generation.json")
    report["ipaddress"] = f"address of {path}"
    answer = shared_collector.post(report)
    assert answer.status_code == 201
    [row] = shared_collector.rows(
        "SELECT * FROM servers WHERE id_serv = ?", answer.json()["id_serv"]
    )
    assert row["fecha_hora"] == "2020-02-15 02:06:54.999999"
    assert uuid.UUID(row["id_agente"]).version == 5
    assert uuid.UUID(row["id_reporte"]).version == 5


def test_first_generation_identity_is_the_address(shared_collector: CollectorProcess) -> None:
    report = load_contract("first_generation.json") | {"ipaddress": "10.9.8.7"}
    first = shared_collector.post(report).json()["id_serv"]
    second = shared_collector.post(report | {"fecha_hora": "2020-02-15 02:07:00"}).json()["id_serv"]
    assert first != second
    rows = shared_collector.rows(
        "SELECT DISTINCT id_agente FROM servers WHERE ipaddress='10.9.8.7'"
    )
    assert len(rows) == 1


@pytest.mark.parametrize("name", ["complete.json", "first_generation.json"])
def test_duplicate_report_returns_first_id(shared_collector: CollectorProcess, name: str) -> None:
    report = load_contract(name) | {"hostname": f"duplicate of {name}"}
    if "id_reporte" in report:
        report |= {"id_reporte": str(uuid.uuid4())}
    first = shared_collector.post(report)
    again = shared_collector.post(report)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    stored = shared_collector.rows("SELECT * FROM servers WHERE hostname = ?", report["hostname"])
    assert len(stored) == 1
    lines = [line for line in shared_collector.journal() if line["reporte"] == report]
    assert len(lines) == 1


def test_the_same_report_id_from_two_agents_is_two_reports(
    shared_collector: CollectorProcess,
) -> None:
    report = make_report()
    other = report | {"id_agente": str(uuid.uuid4())}
    assert shared_collector.post(report).status_code == 201
    assert shared_collector.post(other).status_code == 201


def test_gzip_body_is_unpacked(shared_collector: CollectorProcess) -> None:
    report = make_report()
    packed = gzip.compress(json.dumps(report).encode())
    answer = shared_collector.post(packed, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 201
    [line] = [x for x in shared_collector.journal() if x["id_serv"] == answer.json()["id_serv"]]
    assert line["reporte"] == report


def test_body_with_line_breaks_is_one_line_of_the_log(shared_collector: CollectorProcess) -> None:
    report = make_report(hostname="uno\ndos\u2028tres\rcuatro")
    body = json.dumps(report, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()
    number = shared_collector.post(body).json()["id_serv"]
    [line] = [line for line in shared_collector.journal() if line["id_serv"] == number]
    assert line["reporte"] == report


def test_optional_values_may_be_null_or_absent(shared_collector: CollectorProcess) -> None:
    report = load_contract("first_generation.json") | {
        "procesos": [{"pid": 1, "name": "a"}, {"pid": 2, "name": "b", "username": None}],
        "usuarios_activos": [{"name": "ana"}, {"name": "ana", "pid": None}],
        "hostname": None,
        "errores": None,
        "intervalo": None,
    }
    number = shared_collector.post(report).json()["id_serv"]
    rows = shared_collector.rows("SELECT username FROM procesos WHERE id_serv = ?", number)
    assert [row["username"] for row in rows] == [None, None]
    rows = shared_collector.rows(
        "SELECT username, pid FROM usuarios_activos WHERE id_serv=?", number
    )
    assert rows == [{"username": "ana", "pid": None}] * 2


def test_what_could_not_be_gathered_stays_apart_from_nothing(
    shared_collector: CollectorProcess,
) -> None:
    report = make_report(usuarios_activos=[], errores={"usuarios_activos": "sin utmp ni logind"})
    number = shared_collector.post(report).json()["id_serv"]
    [row] = shared_collector.rows("SELECT errores FROM servers WHERE id_serv = ?", number)
    assert json.loads(row["errores"]) == {"usuarios_activos": "sin utmp ni logind"}


def test_a_clock_that_is_ahead_does_not_move_the_moment(shared_collector: CollectorProcess) -> None:
    number = shared_collector.post(make_report(fecha_hora="2999-01-01T00:00:00Z")).json()["id_serv"]
    [row] = shared_collector.rows("SELECT * FROM servers WHERE id_serv = ?", number)
    assert row["fecha_hora"] == "2999-01-01 00:00:00.000000"
    received = datetime.fromisoformat(row["recibido"] + "+00:00").timestamp()
    assert row["momento"] == int(received * 1000)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"procesos": [{"pid": "4", "name": "x"}]}, "$.procesos[0].pid: expected int, got str"),
        ({"procesos": [{"pid": 1}]}, "$.procesos[0].name: missing"),
        ({"procesos": [7]}, "$.procesos[0]: expected object, got int"),
        ({"procesos": None}, "$.procesos: expected array, got null"),
        ({"procesos": [{"pid": -1, "name": "x"}]}, "$.procesos[0].pid: expected int >= 0"),
        ({"procesos": [{"pid": True, "name": "x"}]}, "$.procesos[0].pid: expected int, got bool"),
        ({"procesos": [{"pid": 2**31, "name": "x"}]},
         "$.procesos[0].pid: expected int <= 2147483647"),
        ({"usuarios_activos": [{"name": None}]},
         "$.usuarios_activos[0].name: expected str, got null"),
        ({"fecha_hora": "ayer"}, "$.fecha_hora: invalid RFC3339 encoded datetime"),
        ({"fecha_hora": "0001-01-01T00:00:00+23:00"},
         "$.fecha_hora: not between years 1 and 9999 in UTC"),
        ({"hostname": "x" * 4097}, "$.hostname: expected str of length <= 4096"),
        ({"hostname": "a\0b"}, "$.hostname: NUL and lone surrogates are not text"),
        ({"campo_nuevo": ["\ud800"]}, "$.campo_nuevo[0]: NUL and lone surrogates are not text"),
        ({"id_agente": "yo"}, "$.id_agente: invalid UUID"),
        ({"procesos": [{"pid": 1, "name": "x", "inicio": "0001-01-01T00:00:00+14:00"}]},
         "$.procesos[0].inicio: not between years 2 and 9998"),
        ({"arranque": "9999-12-31T23:59:59-14:00"}, "$.arranque: not between years 2 and 9998"),
        ({"intervalo": 0}, "$.intervalo: expected float > 0.0"),
        ({"arranque": "2026-01-01T00:00:00"},
         "$.arranque: expected datetime with a timezone component"),
    ],
)  # fmt: skip
def test_wrong_field_is_named_by_its_path(
    shared_collector: CollectorProcess, changes: dict[str, Any], problem: str
) -> None:
    answer = refused(shared_collector, json.dumps(make_report(**changes)).encode(), 400)
    assert answer["errores"] == [problem]


def test_every_wrong_field_is_named(shared_collector: CollectorProcess) -> None:
    report = make_report(marca_proc=7, procesos=[{"pid": "1", "name": 2}])
    del report["ipaddress"]
    answer = refused(shared_collector, json.dumps(report).encode(), 400)
    assert answer["errores"] == [
        "$.marca_proc: expected str, got int",
        "$.ipaddress: missing",
        "$.procesos[0].pid: expected int, got str",
        "$.procesos[0].name: expected str, got int",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"a": NaN}',
        b"[" * 200_000,
        b'{"x":' * 50_000,
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b'{"hostname": "\xff"}',
        b"pid=1",
        b'{"hostname": "\\ud800"',
    ],
)
def test_body_that_is_no_report_is_refused(shared_collector: CollectorProcess, body: bytes) -> None:
    refused(shared_collector, body, 400)


def test_invalid_utf8_in_an_unknown_field_is_refused(shared_collector: CollectorProcess) -> None:
    body = json.dumps(make_report(futuro="X")).encode().replace(b'"X"', b'"\xff"')
    assert "invalid UTF-8" in refused(shared_collector, body, 400)["detail"]


def test_deep_unknown_field_is_refused_or_kept(shared_collector: CollectorProcess) -> None:
    for depth in (10, 100_000):
        deep = b"[" * depth + b"]" * depth
        body = (
            json.dumps(make_report(futuro=0)).encode().replace(b'"futuro": 0', b'"futuro":' + deep)
        )
        assert shared_collector.post(body).status_code == (201 if depth == 10 else 400)


def test_body_without_length_is_refused(shared_collector: CollectorProcess) -> None:
    body = json.dumps(make_report()).encode()
    head = b"POST /servers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    answer = raw_exchange(shared_collector, head + chunked % (len(body), body))
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"application/problem+json" in answer


def test_body_shorter_than_its_length_is_not_stored(shared_collector: CollectorProcess) -> None:
    before = len(shared_collector.journal())
    head = b"POST /servers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", shared_collector.port), timeout=10) as client:
        client.sendall(head + b"Content-Length: 5000\r\n\r\n" + b'{"arquitectura_proc": "x"')
        client.shutdown(socket.SHUT_WR)
        client.recv(4096)
    assert shared_collector.answers()
    assert len(shared_collector.journal()) == before


def test_large_body_is_refused_before_it_is_read(shared_collector: CollectorProcess) -> None:
    head = b"POST /servers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = raw_exchange(
        shared_collector, head + b"Content-Length: 99999999999\r\nConnection: close\r\n\r\n{"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_gzip_bomb_stops_at_the_limit(shared_collector: CollectorProcess) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    refused(shared_collector, bomb, 413, **{"Content-Encoding": "gzip"})


def test_gzip_bomb_takes_no_memory(collector: CollectorProcess) -> None:
    """One of 1 GiB leaves the process about as large as a report of the largest size does."""
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = head + again * 1023  # the same, packed each time, takes seconds
    packed = {"Content-Encoding": "gzip"}
    assert collector.post(gzip.compress(b" " * (8 << 20)), **packed).status_code == 400
    before = peak_memory(collector)
    for _ in range(3):
        refused(collector, bomb, 413, **packed)
    assert peak_memory(collector) - before < 64 << 20


def peak_memory(collector: CollectorProcess) -> int:
    """Tell how many bytes the process that serves has had in memory at most."""
    found = re.search(r"listening .*pid=(\d+)", collector.log)
    assert found
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{found[1]}/status").read_text())
    assert peak
    return int(peak[1]) << 10


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"{}")[:-5], gzip.compress(b"{}") * 2],
    ids=["none", "cut", "two"],
)
def test_broken_gzip_is_refused(shared_collector: CollectorProcess, body: bytes) -> None:
    refused(shared_collector, body, 400, **{"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Encoding": "br"}, {"Content-Type": ""}]
)
def test_what_is_not_json_is_refused(
    shared_collector: CollectorProcess, headers: dict[str, str]
) -> None:
    refused(shared_collector, json.dumps(make_report()).encode(), 415, **headers)


def test_request_through_a_proxy_is_refused(shared_collector: CollectorProcess) -> None:
    body = json.dumps(make_report()).encode()
    refused(shared_collector, body, 403, **{"X-Forwarded-For": "127.0.0.1"})
    answer = shared_collector.get("/servers", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nada", 404), ("DELETE", "/servers", 405), ("GET", "/servers/x", 404)],
)
def test_every_error_is_a_problem(
    shared_collector: CollectorProcess, method: str, path: str, status: int
) -> None:
    answer = raw_exchange(
        shared_collector,
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


def refused(
    collector: CollectorProcess, body: bytes, status: int, **headers: str
) -> dict[str, Any]:
    """Post `body`, make sure that it is refused as it should be and leaves nothing; the problem."""
    before = counts(collector)
    answer = collector.post(body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert counts(collector) == before
    return problem


def counts(collector: CollectorProcess) -> tuple[int, ...]:
    [row] = collector.rows(
        "SELECT (SELECT count(*) FROM servers) AS s, (SELECT count(*) FROM procesos) AS p, "
        "(SELECT count(*) FROM usuarios_activos) AS u, (SELECT count(*) FROM agentes) AS a"
    )
    return (*row.values(), len(collector.journal()))


def raw_exchange(collector: CollectorProcess, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65_536), b""))
