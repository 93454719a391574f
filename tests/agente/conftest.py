"""The agent as its users run it: agente.py in a process of its own, with folders of its own."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agente.collector import ScriptedCollector
from tests.conftest import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "agente" / "agente.py"


def wait_for(condition: Callable[[], Any], seconds: float = DEADLINE_S) -> None:
    """Wait until a condition holds; fail after a deadline."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not come to hold"
        time.sleep(0.005)


class AgentRunner:
    """Runs agente.py with a state folder, a spool and a config.ini in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.spool = folder / "estado", folder / "estado" / "spool"
        self.config = folder / "config.ini"
        self.config.write_text("")
        self.started: list[subprocess.Popen[str]] = []

    def environment(self) -> dict[str, str]:
        """The tests' environment without what would set the agent or a proxy up."""
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("COMPLIANCE_") and not name.lower().endswith("_proxy")
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line of an agent that keeps to its folder."""
        own = ["--config", str(self.config), "--state", str(self.state)]
        return [sys.executable, str(AGENT), *own, *arguments]

    def run(
        self, *arguments: str, prefix: tuple[str, ...] = (), **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the agent to its end."""
        options = {"env": self.environment(), "timeout": DEADLINE_S, **more}
        command = [*prefix, *self.command(*arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start an agent that goes on; it is ended with the test."""
        process = subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            text=True,
            **{"env": self.environment(), "stderr": subprocess.PIPE, **more},
        )
        self.started.append(process)
        return process

    def stop(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and return the exit code and what the agent said."""
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE_S)
        return process.returncode, said

    def waiting(self) -> list[dict[str, Any]]:
        """The reports in the spool, oldest first."""
        return [read_report(path) for path in sorted(self.spool.glob("*.json.gz"))]

    def printed(self, *arguments: str, **more: Any) -> dict[str, Any]:
        """The report that --print shows."""
        run = self.run("--print", *arguments, **more)
        assert run.returncode == 0, run.stderr
        report = json.loads(run.stdout)
        assert isinstance(report, dict)
        return report

    def end(self) -> None:
        """End what was started."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def read_report(path: Path) -> dict[str, Any]:
    """A report of the spool."""
    report = json.loads(gzip.decompress(path.read_bytes()))
    assert isinstance(report, dict)
    return report


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentRunner]:
    runner = AgentRunner(tmp_path)
    yield runner
    runner.end()


@pytest.fixture
def collector() -> Iterator[ScriptedCollector]:
    server = ScriptedCollector()
    yield server
    server.close()


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nobody listened on a moment ago."""
    server = ScriptedCollector()
    port = int(server.server_address[1])
    server.close()
    return port


def can_unshare() -> bool:
    """Whether this user may make name spaces of its own."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "-n", "true"], check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not can_unshare(), reason="needs root and unshare(1) to make name spaces"
)
