"""Runs a server as long as it is measured."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_S = 30


@contextmanager
def serving(
    program: list[str], port: int, authority: Path | None = None, log: Path | None = None
) -> Iterator[None]:
    """Run a program that serves on `port`, as long as the context lasts.

    With `authority` it serves HTTPS, and its certificate is checked with what is in that file. With
    `log` that gets what it says.
    """
    silent = subprocess.DEVNULL
    with (log or Path(os.devnull)).open("ab") as said:
        process = subprocess.Popen(program, start_new_session=True, stdout=silent, stderr=said)
    try:
        _wait_for(port, authority)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextmanager
def running_collector(
    storage: Path,
    database: Path | str,
    *,
    tls: bool = False,
    port: int = 0,
    log: Path | None = None,
) -> Iterator[int]:
    """Run the collector with this folder and this database, a file or a URL; gives its port."""
    port = port or free_port()
    program = [sys.executable, str(ROOT / "API" / "init_app.py"), "--port", str(port)]
    program += ["--storage", str(storage), "--database", str(database)]
    program += ["--tls-self-signed"] if tls else []
    with serving(program, port, authority_of(storage) if tls else None, log):
        yield port


def authority_of(storage: Path) -> Path:
    """Tell where a collector that serves HTTPS has the authority of its certificate."""
    return storage / "tls" / "ca.pem"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, authority: Path | None) -> None:
    url = f"{'https' if authority else 'http'}://127.0.0.1:{port}/healthz"
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            context = ssl.create_default_context(cafile=authority) if authority else None
            urllib.request.urlopen(url, timeout=5, context=context).close()  # noqa: S310 - ours
        except urllib.error.HTTPError:
            return  # a stand-in has no such page, but it answers
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")
