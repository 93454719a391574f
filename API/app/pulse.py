"""Tells systemd that the collector is ready, and goes on telling it that it lives (sd_notify(3)).

It asks what anybody would ask: `/readyz`, over the network. A collector whose processes run and
answer nobody is not alive.
"""

import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import structlog

from API.app.settings import Settings

log = structlog.get_logger()

STARTING_S = 0.1
"""Between two looks until it is ready, in seconds."""

PATIENCE_S = 10.0
"""How long an answer may take, in seconds."""

SLOWEST_S = 30.0
"""Between two looks where nobody waits for a sign of life, in seconds."""


class Supervisor(NamedTuple):
    """Where to tell, and how often it is waited for."""

    address: str
    watchdog_s: float | None

    def tell(self, **state: str) -> None:
        """Tell, a line for each; nobody is held up by a supervisor that does not listen."""
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        text = "\n".join(f"{key}={value}" for key, value in state.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(PATIENCE_S)
                channel.connect(name)
                channel.sendall(text.encode())
        except OSError as error:
            log.warning("cannot tell the service manager", reason=str(error))


def supervisor_in(environment: Mapping[str, str], pid: int) -> Supervisor | None:
    """Find the service manager that started process `pid` and waits for its word; None for none."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return None
    ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    usec = environment.get("WATCHDOG_USEC", "") if ours else ""
    return Supervisor(address, int(usec) / 1e6 if usec.isdigit() else None)


class Pulse:
    """Tells `supervisor` how the collector is, as long as the context lasts; nothing without one.

    Args:
        settings: of the collector.
        supervisor: who wants to know.
        writes: whether there is a process that writes.
    """

    def __init__(
        self, settings: Settings, supervisor: Supervisor | None, writes: Callable[[], bool]
    ) -> None:
        self._settings, self._supervisor, self._writes = settings, supervisor, writes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> None:
        if self._supervisor:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._supervisor:
            self._supervisor.tell(STOPPING="1")

    def _run(self) -> None:
        assert self._supervisor  # noqa: S101 - started with one only
        supervisor, ready = self._supervisor, False
        every = min((supervisor.watchdog_s or SLOWEST_S) / 3, SLOWEST_S)
        while not self._stopping.wait(every if ready else STARTING_S):
            told = ask(self._settings) if self._writes() else None
            if told is None:
                continue  # it is not told: after its patience systemd starts another
            if not ready and not told.troubles:
                ready = True
                supervisor.tell(READY="1")
            supervisor.tell(WATCHDOG="1", STATUS=status_of(told))


class Told(NamedTuple):
    """What the collector says of itself."""

    accepts: bool
    troubles: list[str]


def status_of(told: Told) -> str:
    """Say in one line how the collector is."""
    if not told.troubles:
        return "guarda reportes"
    does = "guarda reportes en la bitácora" if told.accepts else "no puede guardar"
    return " ".join(f"{does}: {'; '.join(told.troubles)}".split())


def ask(settings: Settings) -> Told | None:
    """Ask the collector whether it takes reports; None where it does not answer."""
    connection = _connection(settings)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        checks = json.loads(answer.read())["comprobaciones"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()
    if answer.status not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    wrong = [f"{name}: {said}" for name, said in checks.items() if said != "bien"]
    return Told(answer.status == HTTPStatus.OK, wrong)


def _connection(settings: Settings) -> http.client.HTTPConnection:
    address = ipaddress.ip_address(settings.host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    if not settings.tls:
        return http.client.HTTPConnection(str(address), settings.port, timeout=PATIENCE_S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it is our own, whatever its names, and is told no secret
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(
        str(address), settings.port, timeout=PATIENCE_S, context=context
    )
