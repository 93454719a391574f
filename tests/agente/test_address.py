"""The address that this server uses towards the collector."""

import json
import socket

import pytest
from collectors import address
from collectors.address import addresses_of, best, default_interfaces, source_towards
from deadline import Patience

from tests.agente.conftest import AgentRunner, needs_namespaces


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        (["127.0.0.1", "10.0.0.5"], "10.0.0.5"),
        (["fe80::1%eth0", "2001:db8::15"], "2001:db8::15"),
        (["fe80::1%eth0"], "fe80::1"),
        (["169.254.1.1", "10.0.0.5"], "10.0.0.5"),
        (["::1", "0.0.0.0", "::"], ""),
        (["not an address"], ""),
        ([], ""),
    ],
)
def test_the_best_address_is_one_that_others_can_route_to(
    addresses: list[str], chosen: str
) -> None:
    assert best(addresses) == chosen


def test_towards_loopback_the_source_is_loopback_and_no_packet_is_sent() -> None:
    assert source_towards("127.0.0.1", 9) == ["127.0.0.1"]


def test_default_routes_name_their_interfaces() -> None:
    gateways = {
        "default": {socket.AF_INET6: ("fe80::1", "eth1"), socket.AF_INET: ("10.0.0.1", "eth0")},
        socket.AF_INET: [("10.0.0.1", "eth0", True)],
    }
    assert default_interfaces(gateways) == ["eth0", "eth1"]
    assert default_interfaces({}) == []


def test_an_interface_without_addresses_has_none() -> None:
    assert addresses_of({17: [{"addr": "00:11:22:33:44:55"}]}) == []


SEVERAL = """
set -e
ip link set lo up
for n in 0 1 2; do
    ip link add d$n type veth peer name p$n || exit 77
    ip link set d$n up; ip link set p$n up
done
ip addr add 198.51.100.7/24 dev d0; ip addr add 203.0.113.9/24 dev d1
ip -6 addr add 2001:db8:5::9/64 dev d2 nodad
ip route add default via 203.0.113.1
exec "$@"
"""
NONE_AT_ALL = 'exec "$@"'


def in_network(agent: AgentRunner, script: str, url: str) -> dict[str, object]:
    """The report of an agent in a network of its own."""
    prefix = ("unshare", "-n", "sh", "-c", script, "sh")
    run = agent.run("--print", "--url", url, prefix=prefix)
    if run.returncode == 77:
        pytest.skip("needs ip(8) and a kernel with veth")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return found


@needs_namespaces
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://198.51.100.200:8080", "198.51.100.7"),
        ("http://192.0.2.77:8080", "203.0.113.9"),
        ("http://[2001:db8:5::1]:8080", "2001:db8:5::9"),
        ("http://127.0.0.1:8080", "203.0.113.9"),
        ("http://[::1]:8080", "203.0.113.9"),
        ("http://does-not.exist.invalid", "203.0.113.9"),
    ],
)
def test_with_several_interfaces_it_is_the_one_towards_the_collector(
    agent: AgentRunner, url: str, expected: str
) -> None:
    assert in_network(agent, SEVERAL, url)["ipaddress"] == expected


@needs_namespaces
def test_without_any_network_the_address_is_unknown_and_the_rest_is_told(
    agent: AgentRunner,
) -> None:
    report = in_network(agent, NONE_AT_ALL, "http://192.0.2.77:8080")
    assert report["ipaddress"] == ""
    errors = report["errores"]
    assert isinstance(errors, dict)
    assert "no hay red" in errors["ipaddress"]
    assert report["procesos"]


def test_a_name_that_hangs_in_resolution_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()
    asked: list[int] = []

    def hang(_host: str, port: int) -> list[str]:
        asked.append(port)
        release.wait(20)
        return []

    monkeypatch.setattr(address, "PATIENCE", Patience(0.05))
    monkeypatch.setattr(address, "source_towards", hang)
    monkeypatch.setattr(address, "of_interfaces", lambda: (["10.0.0.5"], []))
    context = type("C", (), {"url": "http://colector.example.net"})()
    for _ in range(3):
        assert address.gather(context) == {"ipaddress": "10.0.0.5"}
    assert asked == [80], "each would be a thread that hangs"
    release.set()
