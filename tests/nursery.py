"""Programs that are born with their modules imported, which is most of what a start costs.

Run as a program, this file imports the collector and the program of the database. Then it forks at
each order, and the child becomes the one that is asked for, with a session, files and an
environment of its own. That the scripts start by themselves is tested where they are run as users
run them (`tests/e2e/test_scripts.py`).
"""

import functools
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 1 << 17
"""Bytes of an order."""

COLLECTOR = ROOT / "API" / "init_app.py"
DATABASE = ROOT / "createDB" / "createDB.py"


class Born:
    """A process that was born; in the place of a subprocess.Popen."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        """Give the exit code, None while it runs."""
        return self._exit_code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; gives the exit code, and raises TimeoutExpired as a Popen does."""
        code = self._exit_code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _exit_code(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            self.returncode = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self.returncode


def start(script: Path, arguments: Sequence[str], output: IO[bytes]) -> Born:
    """Start one of the scripts; what it says goes to `output`."""
    with Path(os.devnull).open("rb") as nothing:
        return _bear(script, arguments, dict(os.environ), Path.cwd(), (nothing, output, output))


def run(
    script: Path,
    arguments: Sequence[str],
    *,
    typed: str = "",
    env: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run one of the scripts to its end, as subprocess.run does."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(typed.encode())
        given.seek(0)
        born = _bear(script, arguments, dict(env), cwd or Path.cwd(), (given, out, err))
        try:
            code = born.wait(timeout)
        except subprocess.TimeoutExpired:
            os.kill(born.pid, signal.SIGKILL)
            born.wait()
            raise
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess([str(script), *arguments], code, *said)


def close() -> None:
    """End what was begun with the first start, if there was any."""
    if _nursery.cache_info().currsize:
        process, channel = _nursery()
        channel.close()
        process.wait()
        _nursery.cache_clear()


@functools.cache
def _nursery() -> tuple["subprocess.Popen[bytes]", socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = [sys.executable, __file__, str(theirs.fileno())]
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(
            program,
            stdin=nothing,
            stdout=nothing,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return process, ours


def _bear(
    script: Path,
    arguments: Sequence[str],
    env: dict[str, str],
    cwd: Path,
    files: tuple[IO[bytes], ...],
) -> Born:
    _, channel = _nursery()
    ended, theirs = os.pipe()
    order = [str(script), list(arguments), env, str(cwd)]
    try:
        numbers = [*(file.fileno() for file in files), theirs]
        socket.send_fds(channel, [json.dumps(order).encode()], numbers)
    finally:
        os.close(theirs)
    return Born(int(os.read(ended, 16)), ended)


Main = Callable[[list[str]], int]


def _mains() -> dict[str, Main]:
    """Import what is to be had at birth."""
    from API.app.memory import importing

    with importing():
        import API.app.server  # noqa: F401
        from API.app.at_rest import UMASK
        from API.app.program import main
        from createDB.createDB import main as createdb

    def database(arguments: list[str]) -> int:
        os.umask(UMASK)
        return createdb(arguments)

    return {str(COLLECTOR): main, str(DATABASE): database}


def _take_orders(channel: socket.socket) -> tuple[str, list[str]] | None:
    """Fork at each order until nobody is there to give any; in a child, give what it is to run."""
    waiting = selectors.DefaultSelector()
    waiting.register(channel, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.data:
                waiting.unregister(key.fd)
                os.close(key.fd)
                _say_how_it_ended(*key.data)
                continue
            order, files, _, _ = socket.recv_fds(channel, LARGEST, 4)
            if not order:
                return None
            pid = os.fork()
            if not pid:
                waiting.close()
                channel.close()
                return _become(files, *json.loads(order))
            waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, files[3]))
            os.write(files[3], b"%-16d" % pid)
            for number in files[:3]:
                os.close(number)


def _say_how_it_ended(pid: int, ended: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.write(ended, b"%-16d" % os.waitstatus_to_exitcode(status))
    os.close(ended)


def _become(
    files: list[int], script: str, arguments: list[str], env: dict[str, str], cwd: str
) -> tuple[str, list[str]]:
    os.setsid()
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    os.closerange(3, 4096)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = [script, *arguments]
    return script, arguments


def _main(number: str) -> Any:
    sys.path[0] = str(ROOT)
    mains = _mains()
    asked = _take_orders(socket.socket(fileno=int(number)))
    return mains[asked[0]](asked[1]) if asked else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
