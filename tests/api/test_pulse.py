"""What the collector tells systemd, over a real socket as systemd has one."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from API.app.pulse import Pulse, Supervisor, supervisor_in
from API.app.settings import Settings, load_settings
from tests.conftest import DEADLINE_S, CollectorProcess, NewCollector, make_report

WATCHDOG_S = 0.6


class Manager:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.channel.bind(address)

    def hear(self, seconds: float = DEADLINE_S) -> dict[str, str]:
        """Give the next that is told; nothing where nothing is, for so long."""
        self.channel.settimeout(seconds)
        try:
            lines = self.channel.recv(4096).decode().splitlines()
        except TimeoutError:
            return {}
        return dict(line.split("=", 1) for line in lines)

    def hear_until(self, key: str) -> dict[str, str]:
        """Give the next that has `key`."""
        while key not in (told := self.hear()):
            assert told, f"waited in vain for {key}"
        return told

    def fall_silent(self) -> None:
        """Hear what was told so far, until nothing comes for twice the time between two signs."""
        while self.hear(2 * WATCHDOG_S):
            pass


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.channel.close()


def start(collector: CollectorProcess, manager: Manager) -> CollectorProcess:
    address = manager.channel.getsockname()
    told = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": f"{WATCHDOG_S * 1e6:.0f}"}
    return collector.start(env=os.environ | told)


def settings_of(collector: CollectorProcess) -> Settings:
    return load_settings(collector.command()[2:], {})


def test_it_is_ready_once_it_stores_and_lives_while_it_answers(
    new_collector: NewCollector, manager: Manager
) -> None:
    collector = start(new_collector("--tls-self-signed", "--host", "0.0.0.0"), manager)
    assert manager.hear() == {"READY": "1"}
    assert collector.post(make_report()).status_code == 201
    assert manager.hear() == {"WATCHDOG": "1", "STATUS": "guarda reportes"}
    [serving] = re.findall(r"listening .*pid=(\d+)", collector.log)
    os.kill(int(serving), signal.SIGSTOP)
    manager.fall_silent()
    os.kill(int(serving), signal.SIGCONT)
    manager.hear_until("WATCHDOG")
    assert collector.stop() == 0
    assert manager.hear_until("STOPPING") == {"STOPPING": "1"}


def test_with_a_full_disk_it_lives_and_is_not_ready(
    new_collector: NewCollector, manager: Manager
) -> None:
    start(new_collector("--libre-mib", str(1 << 30)), manager)
    told = [manager.hear() for _ in range(5)]
    assert {said.get("WATCHDOG") for said in told} == {"1"}
    assert all(said["STATUS"].startswith("no puede guardar: disco: ") for said in told)


def test_without_a_process_that_writes_there_is_no_sign_of_life(
    shared_collector: CollectorProcess, manager: Manager
) -> None:
    supervisor = Supervisor(manager.channel.getsockname(), WATCHDOG_S)
    with Pulse(settings_of(shared_collector), supervisor, lambda: False):
        assert manager.hear(2 * WATCHDOG_S) == {}
    assert manager.hear() == {"STOPPING": "1"}


def test_an_abstract_address_is_one_too(shared_collector: CollectorProcess) -> None:
    name = f"compliance-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    with Pulse(settings_of(shared_collector), Supervisor(f"@{name}", None), lambda: True):
        assert manager.hear() == {"READY": "1"}
    manager.channel.close()


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": "/run/x"}, Supervisor("/run/x", None)),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000"}, Supervisor("@x", 60.0)),
        (
            {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "8"},
            Supervisor("@x", None),
        ),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "no"}, Supervisor("@x", None)),
    ],
    ids=["nobody", "no watchdog", "both", "of another process", "no number"],
)
def test_who_wants_to_know(environment: dict[str, str], found: Any) -> None:
    assert supervisor_in(environment, 7) == found
