"""The processes of a collector: one each to watch, write, judge and tell, others to serve HTTP.

The parent watches: it starts the others, passes signals on and, should one die, starts another.
"""

import functools
import ipaddress
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

import structlog
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from API.app.alerts.process import tell
from API.app.application import create_app
from API.app.door.certificates import files_in_use
from API.app.door.door import Door
from API.app.door.renewal import Renewal
from API.app.heartbeat import Heartbeat
from API.app.ingest.channel import Address, new_address
from API.app.judge import judge_reports
from API.app.keeper import keep
from API.app.lately import forget
from API.app.memory import settle
from API.app.metrics.counted import Counted, prepare
from API.app.pulse import Pulse, Supervisor
from API.app.settings import Settings

log = structlog.get_logger()

GRACE_S = 30
"""How long a stopping worker may take to answer what it has accepted, in seconds."""


RESTART_S = 0.5
SETTLED_S = 30.0
"""After how long a process is taken to run well, and the longest pause before another try."""


LOOK_S, LOOKS = 60.0, 5
"""How often a process that beats is looked at, in seconds, and how many times in vain before it is
taken to hang. Its longest step, a query of 0.5 s of processor time, takes minutes where dozens of
processes want each processor. Several looks: a machine that slept is awake for one of them only."""


class StartError(Exception):
    """A process did not come up; it has said why."""


class ServingEndedError(Exception):
    """The processes that serve ended one after the other."""


class AddressInUseError(Exception):
    """The address to listen on cannot be had; the message says which and why."""


def serve(settings: Settings, supervisor: Supervisor | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Args:
        settings: of the collector.
        supervisor: is told how it is.

    Raises:
        AddressInUseError: the address is taken, or not this host's.
        StartError: one of the processes did not come up.
        ServingEndedError: the processes that serve died faster than they could be started.
    """
    _require_address(settings.host, settings.port)
    _raise_descriptor_limit()
    _warn_of_plain_http(settings)
    address = new_address()
    server = _server(settings)
    writing = Kept("writer", keep, settings, address)
    telling = Kept("sender", tell, settings)
    judging = Kept("judge", judge_reports, settings, beats=True)
    pulse = Pulse(settings, supervisor, writing.is_alive)
    forget(settings.storage)
    with writing, telling, judging, _renewing(settings, server), pulse:
        prepare(settings.storage)
        load = functools.partial(_load, settings, address)
        try:
            server.serve(target_loader=load, wrap_loader=False)
        except SystemExit:
            raise ServingEndedError("los procesos que atienden terminan uno tras otro") from None
        finally:
            for kept in (judging, telling):  # at once: each may be waiting for the database
                kept.dismiss()
    log.info("stopped")


class _Server(MPServer):
    """granian with one listening socket for all processes that serve.

    On Linux each would have one of its own, and whoever waits in the queue of a process that gives
    way to another would be turned away.
    """

    def _init_shared_socket(self) -> None:
        self._ssp = None
        shared = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._shd = shared  # type: ignore[assignment]
        self._sso = socket.socket(fileno=shared.get_fd())
        self._sso.set_inheritable(True)


def _server(settings: Settings) -> _Server:
    certificate, key = files_in_use(settings) if settings.tls else (None, None)
    return _Server(
        "API.app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=1000 * settings.header_seconds),
        workers=settings.processes,
        backpressure=settings.connections,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_S,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _renewing(settings: Settings, server: _Server) -> AbstractContextManager[None]:
    """Have another certificate served by new processes, one after the other, once there is one."""
    if not settings.tls:
        return nullcontext()
    return Renewal(settings, server.signal_handler_reload)


class Kept:
    """Keeps a process running as long as the context lasts.

    It is started with some arguments and a connection: on it, it says that it is ready; when that
    is closed, it is to end. One that beats is given a heart too: if nothing is heard of that for
    long, the process hangs, and another takes its place. The first one is forked: it has at once
    what this process has imported, which is most of what a start costs, while no thread here does
    more than wait for such processes. Those after it are not: a fork would take along whatever lock
    a thread holds by then.
    """

    _ends: ClassVar[set[Connection]] = set()
    """Ours, of the connections to all of them: a forked process closes its copies."""
    _heard: Connection | None = None
    """Where the heart is heard. A connection of its own: one that a thread waits on does not close
    for the other end before that is over."""

    def __init__(
        self, name: str, target: Callable[..., None], *arguments: Any, beats: bool = False
    ) -> None:
        self._name, self._target, self._arguments = name, target, arguments
        self._beats = beats
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> None:
        self._process, self._end = self._start("fork")
        try:
            self._end.recv()
        except EOFError:
            self._process.join()
            raise StartError(f"no arranca el proceso {self._name}; arriba está el motivo") from None
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.dismiss()
        self._thread.join()

    def dismiss(self) -> None:
        """Have the process end, and start no other."""
        self._stopping.set()
        self._let_go()

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return not multiprocessing.connection.wait([self._process.sentinel], 0)

    def _start(self, method: str) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        self._ends.add(ours)
        given: list[Connection | Heartbeat] = [theirs]
        if self._beats:
            self._heard, tells = context.Pipe(duplex=False)
            self._ends.add(self._heard)
            given.insert(0, Heartbeat(tells))
        inherited = tuple(self._ends) if method == "fork" else ()
        process = context.Process(  # type: ignore[attr-defined]
            target=_run_kept, args=(inherited, self._target, *self._arguments, *given),
            name=self._name,
        )  # fmt: skip
        process.start()
        for end in given:
            end.close()
        return process, ours

    def _let_go(self) -> None:
        self._ends.discard(self._end)
        self._end.close()

    def _run(self) -> None:
        """Start another whenever one ends, at a growing distance."""
        pause = RESTART_S
        while True:
            began = time.monotonic()
            if self._heard:
                self._listen(self._heard)
            self._process.join()
            if time.monotonic() - began > SETTLED_S:
                pause = RESTART_S
            if self._stopping.wait(pause):
                return
            log.error(f"the {self._name} ended; starting another", code=self._process.exitcode)
            pause = min(2 * pause, SETTLED_S)
            self._let_go()
            self._process, self._end = self._start("spawn")
            if self._stopping.is_set():  # since it was last asked: nobody else ends this one
                self._let_go()

    def _listen(self, heard: Connection) -> None:
        """Listen until the process ends; end it where it is silent for too long."""
        looks = 0
        with heard, suppress(EOFError):  # it ended
            while looks < LOOKS:
                looks += 1
                if heard.poll(LOOK_S):
                    heard.recv_bytes()
                    looks = 0
            log.error(f"the {self._name} hangs; ending it", silent_s=LOOKS * LOOK_S)
            self._process.kill()
        self._ends.discard(heard)


def _run_kept(
    inherited: Iterable[Connection], target: Callable[..., None], *arguments: Any
) -> None:
    """Run in a new process, which would not see its parent's ends close while it has copies."""
    for end in inherited:
        end.close()
    target(*arguments)


def _warn_of_plain_http(settings: Settings) -> None:
    if not (ipaddress.ip_address(settings.host).is_loopback or settings.tls):
        log.warning("listening beyond loopback without TLS: reports can be read on the way")


def _raise_descriptor_limit() -> None:
    """Allow as many open connections as the system lets us have; most shells begin with 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _require_address(host: str, port: int) -> None:
    """Find out now what the worker could not tell: it shares its port with whoever else asks to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise AddressInUseError(
                f"no se puede escuchar en {host}, puerto {port}: {error.strerror}"
            ) from None


def _load(settings: Settings, address: Address) -> Any:
    """Make the application and its door; runs in a process that serves.

    Ctrl-C in a terminal reaches this process as well as its parent, which passes it on as SIGTERM.
    granian can hang when the two arrive together: it is stopped by its parent alone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _end_with_parent()
    app = create_app(settings, address)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls else "http"
    log.info("listening", url=f"{scheme}://{host}:{settings.port}", pid=os.getpid())
    settle()
    paths = (rule.rule for rule in app.url_map.iter_rules())
    return Door(app, settings, Counted(settings.storage, paths))


def _end_with_parent() -> None:
    """Stop this worker when its parent is gone, so that a killed collector can be started again."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        multiprocessing.connection.wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)  # a client that never ends its request must not keep this process
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
