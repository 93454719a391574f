"""What an answer means, and how long to wait after it."""

import socket

import pytest
from sender import next_pause
from transport import (
    PROBLEM,
    Answer,
    Verdict,
    endpoint,
    explain,
    is_local,
    judge,
    parse_retry_after,
    root_cause,
)
from web import Deadline

JSON, HTML = "application/json", "text/html"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(201, JSON, b'{"id_serv": 123}'), Verdict.DELIVERED),
        (Answer(200, JSON, b'{"id_serv": 123}'), Verdict.DELIVERED),
        (Answer(202, JSON, b'{"id_serv": 123}'), Verdict.DELIVERED),
        (Answer(202, JSON, b'{"id_reporte": "01939e0f"}'), Verdict.DELIVERED),
        (Answer(202, JSON, b'{"id_reporte": 5}'), Verdict.NOT_NOW),
        (Answer(202, JSON, b"{}"), Verdict.NOT_NOW),
        (Answer(200, JSON, b'{"id_reporte": "01939e0f"}'), Verdict.NOT_NOW),
        (Answer(201, HTML, b'{"ipaddress": "10.0.0.1"}'), Verdict.DELIVERED),
        (Answer(201, JSON, b'{"id_serv": 12', whole=False), Verdict.NOT_NOW),
        (Answer(201, JSON, b""), Verdict.NOT_NOW),
        (Answer(201, JSON, b"[" * 100_000), Verdict.NOT_NOW),
        (Answer(201, HTML, b"<html>"), Verdict.NOT_NOW),
        (Answer(200, JSON, b'{"id_serv": true}'), Verdict.NOT_NOW),
        (Answer(200, JSON, b'{"id_serv": "1"}'), Verdict.NOT_NOW),
        (Answer(200, JSON, b"{}"), Verdict.NOT_NOW),
        (Answer(200, JSON, b"null"), Verdict.NOT_NOW),
        (Answer(204, "", b""), Verdict.NOT_NOW),
        (Answer(400, PROBLEM, b"{}"), Verdict.WRONG),
        (Answer(413, PROBLEM, b""), Verdict.WRONG),
        (Answer(400, JSON, b'{"ERROR": "x"}'), Verdict.DISPUTED),
        (Answer(413, HTML, b"<html>"), Verdict.DISPUTED),
        *[
            (Answer(status, PROBLEM, b"{}"), Verdict.NOT_NOW)
            for status in (301, 302, 307, 308, 401, 403, 404, 405, 408, 411, 415, 429, 500, 502,
                           503, 504, 599, 999)
        ],
    ],
)  # fmt: skip
def test_an_answer_means(answer: Answer, verdict: Verdict) -> None:
    assert judge(answer) is verdict


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", 0),
        ("0", 0),
        (" 120 ", 120),
        ("-5", 0),
        ("1e9", 0),
        ("99999999", 3600),
        ("9" * 400, 0),
        ("Thu, 01 Jan 1970 00:17:40 GMT", 60),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2170 00:00:00 GMT", 3600),
        ("mañana", 0),
        ("Thu, 99 Jan 99999 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_capped(value: str, seconds: float) -> None:
    assert parse_retry_after(value, 1000.0) == seconds


def test_pauses_grow_up_to_the_interval_or_five_minutes() -> None:
    pauses = [next_pause(failures, 3600, 0, chance=0) for failures in range(1, 12)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert next_pause(50, 60, 0, chance=0) == 60
    assert next_pause(5000, 60, 0, chance=0) == 60
    assert next_pause(50, 0.1, 0, chance=0) == 1


def test_pauses_are_spread_and_never_shorter_than_asked_for() -> None:
    assert next_pause(4, 3600, 0, chance=1) == 4
    assert next_pause(4, 3600, 0, chance=0.5) == 6
    assert next_pause(1, 3600, 900, chance=0) == 900


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://c:8080", "http://c:8080/servers"),
        ("https://c/base", "https://c/base/servers"),
        ("https://c/servers", "https://c/servers"),
    ],
)
def test_reports_are_posted_to_servers(url: str, target: str) -> None:
    assert endpoint(url) == target


def test_only_this_host_is_local() -> None:
    assert is_local("http://127.0.0.1:1")
    assert is_local("http://[::1]:1")
    assert is_local("http://localhost")
    assert not is_local("http://10.0.0.1")
    assert not is_local("http://localhost.example.net")
    assert not is_local("http://127.0.0.1.example.net")


def test_a_connection_that_is_made_past_the_deadline_is_cut() -> None:
    deadline = Deadline()
    ours, theirs = socket.socketpair()
    with ours, theirs, deadline.within(60):
        deadline.cut()  # while the name was being resolved
        deadline.watch(ours)
        ours.settimeout(10)
        assert ours.recv(1) == b""
    deadline.close()


def test_an_answer_is_explained_in_one_line() -> None:
    text = explain(Answer(503, PROBLEM, b'{"detail": "busy\\nERROR forged \\u001b[31m"}'))
    assert text.startswith("503 Service Unavailable: busy\\x0aERROR")
    assert text.isprintable()
    assert explain(Answer(502, HTML, b"<html>")) == "502 Bad Gateway (text/html)"
    assert len(explain(Answer(400, JSON, b'{"ERROR": "' + b"x" * 9000 + b'"}'))) <= 300
    assert explain(Answer(999)) == "999 estado desconocido"


def test_the_innermost_reason_of_a_failure_is_told() -> None:
    outer = OSError("HTTPConnectionPool(host='x')")
    outer.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert root_cause(outer) == "Connection refused"
    assert root_cause(TimeoutError("el envío no terminó en 5 s")) == "el envío no terminó en 5 s"
