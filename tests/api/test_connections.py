"""Connections of one address: they have a share of all, and the rest is for others."""

import contextlib
import fcntl
import socket
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from API.app.door.connections import Connections, connections_on
from tests.api.test_door import connect, silent
from tests.conftest import DEADLINE_S, NewCollector, wait_until


def test_looking_at_connections_lets_go_of_no_lock(tmp_path: Path) -> None:
    """As SQLite has them: two writers at a time lose what one of them committed."""
    with (tmp_path / "database").open("ab") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        list(connections_on(1))
        attempt = "import fcntl; fcntl.lockf(1, fcntl.LOCK_EX | fcntl.LOCK_NB)"
        done = subprocess.run([sys.executable, "-c", attempt], stdout=file, stderr=-1, check=False)
        assert b"BlockingIOError" in done.stderr, "another process has the lock too"


def still_open(clients: list[socket.socket]) -> list[socket.socket]:
    found = []
    for client in clients:
        with contextlib.suppress(ConnectionError):
            if silent(client):
                found.append(client)
    return found


@pytest.mark.parametrize("options", [(), ("--tls-self-signed",)], ids=["plain", "tls"])
def test_a_flood_from_one_address_leaves_places_for_others(
    new_collector: NewCollector, options: tuple[str, ...]
) -> None:
    collector = new_collector(
        "--conexiones",
        "32",
        "--conexiones-por-direccion",
        "8",
        "--plazo-cabeceras",
        "600",
        *options,
    ).start()
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(connect(collector, "127.0.0.2")) for _ in range(80)]
        assert collector.get("/healthz").status_code == 200
        wait_until(lambda: len(still_open(flood)) == 8, "eight are left")
    assert "address=127.0.0.2" in collector.log


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def test_the_newest_give_way(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    connections = Connections(port, 2, (ip_network("127.0.0.9/32"),))
    with contextlib.ExitStack() as stack:
        stack.enter_context(listener)

        def more(count: int, source: str) -> list[socket.socket]:
            clients = []
            for _ in range(count):
                client = socket.create_connection(
                    ("127.0.0.1", port), DEADLINE_S, source_address=(source, 0)
                )
                clients.append(stack.enter_context(client))
                stack.enter_context(listener.accept()[0])
            connections.sweep()
            return clients

        first, proxied = more(2, "127.0.0.2"), more(5, "127.0.0.9")
        newest = more(3, "127.0.0.2")
        assert still_open([*first, *proxied]) == [*first, *proxied]
        assert still_open(newest) == []
        assert still_open(more(1, "127.0.0.3"))


def test_looking_leaves_no_descriptor_behind() -> None:
    connections = Connections(1, 1, ())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        connections.sweep()
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 50
