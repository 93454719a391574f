"""The processes of a collector: one that watches, one that writes, one or more that serve HTTP.

The parent watches: it starts the others, passes signals on and, should one die, starts another.
"""

import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from API.app import create_app
from API.app.ingest.channel import Address, new_address
from API.app.keeper import keep
from API.app.settings import Settings

log = structlog.get_logger()

GRACE_S = 30
"""How long a stopping worker may take to answer what it has accepted, in seconds."""


RESTART_S = 0.5


class AddressInUseError(Exception):
    """The address to listen on cannot be had; the message says which and why."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Raises:
        AddressInUseError: the address is taken, or not this host's.
        SystemExit: the processes that serve died and could not be started again.
    """
    _require_address(settings.host, settings.port)
    address = new_address()
    server = Granian(
        "API.app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=settings.processes,
        blocking_threads=settings.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_S,
        log_enabled=False,
    )
    with Writing(settings, address):
        server.serve(target_loader=functools.partial(_load, settings, address), wrap_loader=False)


class Writing:
    """Keeps a process that writes running as long as the context lasts."""

    def __init__(self, settings: Settings, address: Address) -> None:
        self._settings = settings
        self._address = address
        self._context = multiprocessing.get_context("spawn")
        self._stopping = threading.Event()
        self._end: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="writing", daemon=True)

    def __enter__(self) -> None:
        ready = threading.Event()
        self._ready = ready
        self._thread.start()
        ready.wait()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._end:
            self._end.close()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._end, theirs = self._context.Pipe()
            process = self._context.Process(
                target=keep, args=(self._settings, self._address, theirs), name="writer"
            )
            process.start()
            theirs.close()
            with contextlib.suppress(EOFError, OSError):
                self._end.recv()
            self._ready.set()
            process.join()
            if not self._stopping.wait(RESTART_S):
                log.error("the writer ended; starting another", code=process.exitcode)


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


def _load(settings: Settings, address: Address) -> Callable[..., Any]:
    """Make the application; runs in a process that serves.

    Ctrl-C in a terminal reaches this process as well as its parent, which passes it on as SIGTERM.
    granian can hang when the two arrive together: it is stopped by its parent alone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _end_with_parent()
    app = create_app(settings, address)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info("listening", url=f"http://{host}:{settings.port}", pid=os.getpid())
    return app


def _end_with_parent() -> None:
    """Stop this worker when its parent is gone, so that a killed collector can be started again."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        multiprocessing.connection.wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
