"""Where a request comes from: the rules with plain values, then the collector from elsewhere."""

import json
import socket
from ipaddress import ip_address, ip_network

import psutil
import pytest

from API.app.door.origin import Origin, origin_of
from tests.api.test_door import closed, head, status
from tests.conftest import DEADLINE_S, CollectorProcess, NewCollector, make_report

LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
BALANCER = (ip_network("10.0.0.0/24"),)
OVER_TLS = {"x-forwarded-proto": "https"}


def of(peer: str, headers: dict[str, str] | None = None, **changes: object) -> Origin:
    arguments = {"version": "1.1", "scheme": "http", "proxies": BALANCER} | changes
    return origin_of(peer, headers=headers or {}, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[::ffff:198.51.100.7]", "198.51.100.7"),
        ("198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_sockets_other_end_is_who_asks(peer: str, address: str) -> None:
    found = of(peer)
    local = ip_address(address).is_loopback
    assert found == Origin(ip_address(address), secure=local)
    assert found.local == local
    assert of(peer, scheme="https").secure


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("127.0.0.1, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, 10.0.0.9,10.0.0.8", "198.51.100.7"),
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_of_a_chain_what_a_listed_proxy_wrote_counts(chain: str, address: str) -> None:
    found = of("10.0.0.8", {"x-forwarded-for": chain, **OVER_TLS})
    assert found == Origin(ip_address(address), forwarded=True)
    assert of("10.0.0.8", {"x-forwarded-for": chain, **OVER_TLS}, scheme="https").secure
    assert not of("10.0.0.8", {"x-forwarded-for": chain}, scheme="https").secure


@pytest.mark.parametrize(
    ("peer", "headers", "version"),
    [
        ("10.0.0.8", {}, "1.1"),
        ("10.0.0.8", {"x-forwarded-for": ""}, "1.1"),
        ("10.0.0.8", {"x-forwarded-for": "198.51.100.7, unknown"}, "1.1"),
        ("198.51.100.7", {"x-forwarded-for": "10.0.0.9"}, "1.1"),
        ("127.0.0.1", {"forwarded": "for=10.0.0.9"}, "1.1"),
        ("127.0.0.1", {"via": "1.1 x"}, "1.1"),
        ("127.0.0.1", {}, "1.0"),
        ("", {}, "1.1"),
    ],
)
def test_what_cannot_be_told_is_nobodys(peer: str, headers: dict[str, str], version: str) -> None:
    found = of(peer, headers, version=version, scheme="https")
    assert found.address is None
    assert found.doubt
    assert not found.secure
    assert not found.local
    assert not found.within(LOCAL)


def test_a_proxy_that_serves_this_machine_does_not_make_its_requests_local() -> None:
    found = of("127.0.0.1", {"x-forwarded-for": "127.0.0.1", **OVER_TLS}, proxies=LOCAL)
    assert found.secure
    assert not found.local
    assert not found.within(LOCAL)


def test_an_unlisted_proxy_that_says_nothing_is_refused(shared_collector: CollectorProcess) -> None:
    """By default nginx speaks HTTP/1.0 and adds no header."""
    [(name, value)] = shared_collector.local_access.items()
    reading = f"GET /servers HTTP/1.0\r\n{name}: {value}\r\n\r\n".encode()
    for request in (reading, head(500).replace(b"HTTP/1.1", b"HTTP/1.0")):
        with socket.create_connection(("127.0.0.1", shared_collector.port), DEADLINE_S) as client:
            client.sendall(request)
            assert status(client) == 403


@pytest.fixture
def own_address() -> str:
    """Give an address of this host that is not loopback; what is sent to it stays here too."""
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family == socket.AF_INET and not ip_address(entry.address).is_loopback:
                return str(entry.address)
    pytest.skip("this host has loopback alone")


def test_credentials_over_plain_http_are_refused_with_the_body_unread(
    new_collector: NewCollector, own_address: str
) -> None:
    listed = f"{own_address}/32"
    collector = new_collector("--host", "0.0.0.0", "--redes-sin-token", listed).start()
    there = (own_address, collector.port)
    for header in ("Authorization: Bearer x", "Cookie: sesion=x"):
        with socket.create_connection(there, DEADLINE_S) as client:
            client.sendall(head(8 << 20, header))
            assert status(client) == 403
            assert closed(client)
    with socket.create_connection(there, DEADLINE_S) as client:
        client.sendall(b"GET /servers HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(client) == 403
    body = json.dumps(make_report()).encode()
    with socket.create_connection(there, DEADLINE_S) as client:
        client.sendall(head(len(body)) + body)
        assert status(client) == 201, "an agent of the first generation is taken from there"
