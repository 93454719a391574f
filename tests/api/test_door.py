"""Slow, large and many requests: each limit at its edge, and nobody keeps the others out."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.conftest import DEADLINE_S, CollectorProcess, NewCollector, make_report, wait_until

SLOW = 200


def connect(collector: CollectorProcess, source: str = "127.0.0.1") -> socket.socket:
    client = socket.create_connection(
        ("127.0.0.1", collector.port), DEADLINE_S, source_address=(source, 0)
    )
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def head(length: int, *headers: str) -> bytes:
    lines = [
        "POST /servers HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
        f"Content-Length: {length}", *headers,
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def begin(client: socket.socket, length: int) -> None:
    """Send a head, and wait until the collector is there to take the body (RFC 9110, 10.1.1)."""
    client.sendall(head(length, "Expect: 100-continue"))
    assert status(client) == 100


def status(client: socket.socket) -> int:
    """Read an answer's first line."""
    answer = client.recv(65_536)
    assert answer, "the connection was closed without an answer"
    return int(answer[9:12])


def silent(client: socket.socket) -> bool:
    """Whether nothing has come, not even the end."""
    client.setblocking(False)
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    finally:
        client.settimeout(DEADLINE_S)
    return False


def closed(client: socket.socket) -> bool:
    """Whether the other end closes, whatever it says before."""
    with contextlib.suppress(ConnectionError):
        while client.recv(65_536):
            pass
    return True


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_two_hundred_slow_senders_keep_nobody_out(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    unhurried = ("--plazo-cuerpo", "600")
    collector = new_collector("--hilos", "4", "--cuerpos-por-origen", "256", *unhurried).start()
    slow = [stack.enter_context(connect(collector)) for _ in range(SLOW)]
    for client in slow:
        client.sendall(head(500))
    for _ in range(3):
        for client in slow:
            client.sendall(b"{")
        assert collector.post(make_report()).status_code == 201
        assert collector.get("/servers").status_code == 200
        time.sleep(0.3)  # a byte now and then is what the attack is
    assert all(silent(client) for client in slow)


def test_slow_body_is_cut_off_in_time(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    collector = new_collector("--plazo-cuerpo", "1").start()
    client = stack.enter_context(connect(collector))
    began = time.monotonic()
    client.sendall(head(500) + b"{")
    assert status(client) == 408
    assert 0.9 < time.monotonic() - began < 50, "the usual time is 60 s"
    assert closed(client)


@pytest.mark.parametrize(
    "limits",
    [("--cuerpos", "3"), ("--cuerpos-por-origen", "3")],
    ids=["of all", "of one address"],
)
def test_of_too_many_bodies_the_oldest_gives_way(
    new_collector: NewCollector, stack: contextlib.ExitStack, limits: tuple[str, str]
) -> None:
    collector = new_collector(*limits).start()
    body = json.dumps(make_report()).encode()
    clients = []
    for _ in range(3):
        clients.append(stack.enter_context(connect(collector)))
        begin(clients[-1], len(body))
        clients[-1].sendall(body[:-1])
    assert all(silent(client) for client in clients)
    assert collector.post(make_report()).status_code == 201
    assert status(clients[0]) == 408
    for client in clients[1:]:
        client.sendall(body[-1:])
    assert {status(client) for client in clients[1:]} == {200, 201}


def test_addresses_are_told_apart(new_collector: NewCollector, stack: contextlib.ExitStack) -> None:
    collector = new_collector("--cuerpos-por-origen", "1").start()
    client = stack.enter_context(connect(collector, "127.0.0.2"))
    begin(client, 500)
    assert collector.post(make_report()).status_code == 201
    assert silent(client)


def test_bodies_together_stay_within_the_memory_given(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    collector = new_collector("--memoria-cuerpos-mib", "1").start()
    first, second, third = (stack.enter_context(connect(collector)) for _ in range(3))
    begin(first, 700_000)
    first.sendall(b" " * 600_000)
    begin(second, 700_000)
    assert silent(first)
    second.sendall(b" " * 600_000)
    assert status(first) == 408
    begin(third, 1_200_000)
    assert silent(second)
    third.sendall(b" " * (1 << 20))
    assert status(second) == 408
    assert silent(third)
    third.sendall(b" ")
    assert status(third) == 503


def test_headers_that_do_not_end_are_given_up(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    collector = new_collector("--plazo-cabeceras", "1").start()
    half, none, kept = (stack.enter_context(connect(collector)) for _ in range(3))
    half.sendall(head(500)[:-2])
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    began = time.monotonic()
    assert all(closed(client) for client in (half, none, kept))
    assert time.monotonic() - began < 10, "the usual time is 10 s"


def test_connections_beyond_the_limit_wait_for_a_free_place(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    collector = new_collector("--conexiones", "16", "--plazo-cabeceras", "600").start()
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    held = [stack.enter_context(connect(collector)) for _ in range(16)]
    for client in held:
        client.sendall(ask)
        assert status(client) == 200
    waiting = stack.enter_context(connect(collector))
    waiting.sendall(ask)
    waiting.settimeout(1)
    with pytest.raises(TimeoutError):
        waiting.recv(1)
    held[0].close()
    waiting.settimeout(DEADLINE_S)
    assert status(waiting) == 200


def test_credentials_are_checked_before_the_body_is_read(
    new_collector: NewCollector, stack: contextlib.ExitStack
) -> None:
    collector = new_collector("--redes-sin-token", "192.0.2.0/24").start()
    client = stack.enter_context(connect(collector))
    client.sendall(head(8 << 20))
    assert status(client) == 401
    assert closed(client)


def test_body_for_nothing_that_takes_one_is_not_waited_for(
    shared_collector: CollectorProcess, stack: contextlib.ExitStack
) -> None:
    client = stack.enter_context(connect(shared_collector))
    client.sendall(head(500).replace(b"/servers", b"/nothing"))
    assert status(client) == 404


def through_proxy(collector: CollectorProcess, chain: str) -> int:
    answer = collector.get(
        "/healthz", headers={"X-Forwarded-For": chain, "X-Forwarded-Proto": "https"}
    )
    if answer.status_code == 429:
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    return answer.status_code


def test_rate_of_one_address_ends_at_its_limit(new_collector: NewCollector) -> None:
    collector = new_collector("--behind-proxy", "--peticiones-por-direccion", "5").start()
    assert [through_proxy(collector, "198.51.100.7") for _ in range(6)] == [200] * 5 + [429]
    assert through_proxy(collector, "198.51.100.8") == 200


@pytest.mark.parametrize("written", ["203.0.113.{}, ", "127.0.0.1, 10.0.0.{}, ", "{}\t, "])
def test_forged_address_does_not_evade_the_rate(new_collector: NewCollector, written: str) -> None:
    collector = new_collector("--behind-proxy", "--peticiones-por-direccion", "5").start()
    answers = [through_proxy(collector, f"{written.format(n)}198.51.100.7") for n in range(6)]
    assert answers == [200] * 5 + [429]


def test_rate_of_one_ipv6_network_is_one_rate(new_collector: NewCollector) -> None:
    collector = new_collector("--behind-proxy", "--peticiones-por-direccion", "5").start()
    answers = [through_proxy(collector, f"2001:db8::{n:x}") for n in range(6)]
    assert answers == [200] * 5 + [429]


def test_rate_of_one_agent_ends_at_its_limit(new_collector: NewCollector) -> None:
    collector = new_collector(
        "--behind-proxy", "--peticiones-por-agente", "3", "--redes-sin-token", "198.51.100.0/24"
    ).start()
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    answers = [collector.post(make_report(), **headers).status_code for _ in range(4)]
    assert answers == [201] * 3 + [429]


def test_clients_that_go_away_leave_no_error(shared_collector: CollectorProcess) -> None:
    for end in range(0, 300, 20):
        with connect(shared_collector) as client:
            client.sendall((head(200) + b"{" * 199)[:end])
    wait_until(lambda: shared_collector.post(make_report()).ok, "it stores again")
    assert "level=error" not in shared_collector.log
