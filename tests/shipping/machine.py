"""A bare Debian, as a folder: what its root types runs in it, with a stand-in for systemctl."""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, program, wait_until

RELEASE, PYTHON = "bookworm", "3.11"
BUILDING_S = 600
PATH = "/usr/local/bin:/usr/sbin:/usr/bin"

UNNEEDED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt/archives")

Outcome = subprocess.CompletedProcess[str]


def make_tree(folder: Path) -> Path:
    """Make a Debian that has Python and nothing else; once for all who share the folder."""
    tree = folder / RELEASE
    with (folder / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            done = subprocess.run(
                [program("mmdebstrap"), "--variant=minbase", "--include=python3", RELEASE, tree],
                check=False, capture_output=True, text=True, timeout=BUILDING_S,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr
            for name in UNNEEDED:
                shutil.rmtree(tree / name, ignore_errors=True)
            install_stand_in(tree)
            (folder / "made").touch()
    return tree


def install_stand_in(tree: Path) -> None:
    systemctl = tree / "usr" / "bin" / "systemctl"
    shutil.copy(ROOT / "tests" / "shipping" / "systemctl.py", systemctl)
    systemctl.chmod(0o755)
    (tree / "run" / "systemd" / "system").mkdir(parents=True)


def build(script: str, out: Path, repository: Path = ROOT, *options: str) -> list[Path]:
    """Run a script of deploy/ that builds something for the tree; give what it made."""
    path = f"{ROOT}/.venv-test/bin:{os.environ['PATH']}"
    done = subprocess.run(
        [repository / "deploy" / script, "--python", PYTHON, "--out", out, *options],
        check=False, capture_output=True, text=True, timeout=BUILDING_S,
        env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


@dataclass
class Machine:
    """A copy of the tree."""

    tree: Path

    def __truediv__(self, path: str) -> Path:
        return self.tree / path.removeprefix("/")

    def run(self, command: str) -> Outcome:
        """Run a shell command as root of the tree, in its folder /root."""
        inside = f"cd /root; export HOME=/root PATH={PATH} LANG=C.UTF-8; {command}"
        enter = f'mount -t proc proc "$0/proc" && exec chroot "$0" sh -ec {shlex.quote(inside)}'
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", enter, self.tree],
            check=False, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip

    def types(self, command: str) -> str:
        """Run a command that succeeds; give what it said."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout + done.stderr

    def has(self, *files: Path) -> None:
        for file in files:
            shutil.copy(file, self / "root")

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in (self / "var/log").glob("*.service.log"))

    def services(self) -> list[int]:
        return [int(file.read_text()) for file in (self / "run").glob("*.service.pid")]

    def end(self) -> None:
        """Kill what runs in it, until there is nothing left."""
        wait_until(lambda: not self._kill(), "processes are left in the tree")

    def _kill(self) -> list[Path]:
        found = self.running()
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
        return found

    def running(self) -> list[Path]:
        """The processes whose root the tree is."""
        return [
            process for process in Path("/proc").glob("[0-9]*") if _root_of(process) == self.tree
        ]


def _root_of(process: Path) -> Path | None:
    """A process's root; none of one that is gone, or is a zombie."""
    try:
        return (process / "root").readlink()
    except OSError:
        return None
