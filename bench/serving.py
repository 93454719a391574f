"""Runs a server as long as it is measured."""

import os
import signal
import socket
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
def serving(program: list[str], port: int) -> Iterator[None]:
    """Run a program that serves on `port`, as long as the context lasts."""
    silent = subprocess.DEVNULL
    process = subprocess.Popen(program, start_new_session=True, stdout=silent, stderr=silent)
    try:
        _wait_for(port)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextmanager
def running_collector(storage: Path, database: Path) -> Iterator[int]:
    """Run the collector with this folder and this database; gives its port."""
    port = free_port()
    program = [sys.executable, str(ROOT / "API" / "init_app.py"), "--port", str(port)]
    with serving([*program, "--storage", str(storage), "--database", str(database)], port):
        yield port


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            return  # a stand-in has no such page, but it answers
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")
