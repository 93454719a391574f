"""Serves the application over HTTP with granian: one parent that watches, one worker that serves.

The worker does all the work and holds the storage folder's lock; the parent starts it, passes
signals on and, should it die, starts another.
"""

import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from API.app import create_app
from API.app.settings import Settings

log = structlog.get_logger()

GRACE_S = 30
"""How long a stopping worker may take to answer what it has accepted, in seconds."""


class AddressInUseError(Exception):
    """The address to listen on cannot be had; the message says which and why."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Raises:
        AddressInUseError: the address is taken, or not this host's.
        SystemExit: the worker died and could not be started again.
    """
    _require_address(settings.host, settings.port)
    server = Granian(
        "API.app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        blocking_threads=settings.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_S,
        log_enabled=False,
    )
    server.serve(target_loader=functools.partial(_load, settings), wrap_loader=False)


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


def _load(settings: Settings) -> Callable[..., Any]:
    """Make the application; runs in the worker."""
    _end_with_parent()
    app = create_app(settings)
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
