"""Copies of the repository, as somebody gets it, and what its scripts do in them."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.conftest import DEADLINE_S, ROOT, free_port, wait_until

INSTALLING_S = 300
"""How long libraries may take to come, in seconds."""

UNCOMPILED = {"PIP_COMPILE": "0"}
"""Has pip leave it to Python to compile what is used: a small part of what is installed."""


def copy_repository(target: Path) -> Path:
    """Copy what is in git, and what is new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copied = ROOT / name, target / name
        if source.is_file():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copied)
    return target


def make_environments(shared: Path) -> Path:
    """Have the scripts make their virtual environments, once for all who share the folder."""
    folder = shared / "environments"
    with (shared / "environments.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            copy_repository(folder)
            for script in ("./init_app.sh", "./agente.sh"):
                subprocess.run(
                    [script, "--help"],
                    cwd=folder,
                    check=True,
                    stdout=subprocess.DEVNULL,
                    timeout=INSTALLING_S,
                    env=os.environ | UNCOMPILED,
                )
            (folder / "made").touch()
    return folder


def clean_environment(**more: str) -> dict[str, str]:
    """The tests' environment without what would set one of our programs up."""
    ours = ("COMPLIANCE_", "PYTHON", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | more


@dataclass
class Installation:
    """A copy of the repository with its environments, and the programs that run in it."""

    folder: Path
    port: int = field(default_factory=free_port)
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return self.folder / "API" / "storage" / "database" / "servers.sqlite"

    @property
    def environment(self) -> dict[str, str]:
        """Puts the collector and the agent on a port of the test's own, and our Python first."""
        path = f"{self.folder}/.venv/bin:{os.environ['PATH']}"
        port = str(self.port)
        return clean_environment(
            PATH=path, COMPLIANCE_COLECTOR_PUERTO=port, COMPLIANCE_API_PUERTO=port
        )

    def run(self, command: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run a shell command in the copy, to its end."""
        options: dict[str, Any] = {"env": self.environment, "timeout": 60, **more}
        return subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            **options,
        )

    def start(self, command: str, **more: Any) -> "subprocess.Popen[bytes]":
        """Start a shell command as from a terminal of its own; its words are in `said`."""
        options: dict[str, Any] = {"env": self.environment, **more}
        # What runs in the background ignores them, and so would what it starts.
        terminal = ["env", "--default-signal=INT,HUP", "bash", "-ec", command]
        with self._said.open("ab") as said:
            process = subprocess.Popen(
                terminal,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                start_new_session=True,
                **options,
            )
        self.started.append(process)
        return process

    @property
    def _said(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.said")

    @property
    def said(self) -> str:
        """What the started commands have said so far."""
        return self._said.read_text()

    def answers(self) -> bool:
        """Whether a collector answers on this installation's port."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def serve(self, command: str) -> "subprocess.Popen[bytes]":
        """Start a command and wait until a collector answers."""
        process = self.start(command)
        wait_until(lambda: self.answers() or process.poll() is not None, "no answer")
        assert process.poll() is None, self.said
        return process

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database; nothing while it is not there yet."""
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def interrupt(self, process: "subprocess.Popen[bytes]") -> int:
        """Press Ctrl-C: the terminal tells every process; gives the exit code of the first."""
        os.killpg(process.pid, signal.SIGINT)
        return process.wait(DEADLINE_S)

    def stop(self, process: "subprocess.Popen[bytes]") -> int:
        """Stop a program as an operator does; gives its exit code."""
        process.terminate()
        return process.wait(DEADLINE_S)

    def end(self) -> None:
        for process in self.started:
            for left in of_session(process.pid):
                left.kill()
            process.wait()


def of_session(number: int) -> list[psutil.Process]:
    """The processes of a terminal's session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def odd_process(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """Start a process with a name of the test's choice; it sleeps until it is killed."""
    program = folder / name
    sleep = shutil.which("sleep")
    assert sleep
    shutil.copy(sleep, program)
    return subprocess.Popen([str(program), "600"])
