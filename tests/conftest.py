"""What many tests share: a real collector in a process of its own, on a free port."""

import copy
import fcntl
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest
import requests

from tests import nursery
from tests.postgresql import PostgresServer, execute_on, rows_of

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "tests" / "contract"
DEADLINE_S = 90.0
"""For what takes a moment: a machine may have much else to do."""

LAYOUTS = ("completo", "compacto")
SQLITE, POSTGRESQL = "sqlite", "postgresql"

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Wait until `condition` gives something true, and give that."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {deadline_s} s in vain: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class CollectorProcess:
    """A collector: its folder, its port, and the process while it runs."""

    storage: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    postgresql: str | None = None
    """The URL of its database; None where that is a file of SQLite."""
    process: subprocess.Popen[bytes] | nursery.Born | None = None

    @property
    def database(self) -> Path:
        """Where the database is, of SQLite."""
        return self.storage / "database" / "servers.sqlite"

    @property
    def database_url(self) -> str:
        """What programs are told of the database."""
        return self.postgresql or str(self.database)

    @property
    def url(self) -> str:
        scheme = "https" if any(option.startswith("--tls-") for option in self.options) else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def verify(self) -> str | bool:
        """What its certificate is checked with."""
        authority = self.storage / "tls" / "ca.pem"
        return str(authority) if authority.exists() else True

    @property
    def log(self) -> str:
        return (self.storage.parent / "collector.log").read_text()

    def command(self) -> list[str]:
        paths = ["--storage", str(self.storage), "--database", self.database_url]
        program = [sys.executable, str(nursery.COLLECTOR)]
        return [*program, *paths, "--port", str(self.port), *self.options]

    def start(self, **popen: Any) -> "CollectorProcess":
        """Start it, and wait until it serves; as a process of its very own where any are given."""
        with (self.storage.parent / "collector.log").open("ab") as log:
            starts = self.log.count("listening")
            _, script, *arguments = command = self.command()
            self.process = (
                subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **popen)
                if popen or Path(script) != nursery.COLLECTOR
                else nursery.start(nursery.COLLECTOR, arguments, log)
            )
        wait_until(lambda: self.answers(starts), f"the collector did not start:\n{self.log}")
        return self

    def answers(self, starts: int = 0) -> bool:
        """Tell whether it serves; until this start's line, one just killed may still answer."""
        assert self.process
        assert self.process.poll() is None, f"the collector ended:\n{self.log}"
        if self.log.count("listening") == starts:
            return False
        try:
            return requests.get(f"{self.url}/healthz", timeout=DEADLINE_S, verify=self.verify).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """Stop it as an operator does; gives the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """End it and its worker at once, as a power cut does."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        # The worker is not our child: its lock tells when it is gone, and `start` waits for that.

    def post(self, report: Any, **headers: str) -> requests.Response:
        body = report if isinstance(report, bytes) else json.dumps(report).encode()
        return requests.post(
            f"{self.url}/servers",
            data=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=DEADLINE_S,
            verify=self.verify,
        )

    @property
    def local_access(self) -> dict[str, str]:
        """The header with which this machine's own people read."""
        name, _, value = (self.storage / "acceso-local").read_text().strip().partition(": ")
        return {name: value}

    def get(self, path: str, **arguments: Any) -> requests.Response:
        """Read something as one of this machine's own people; with `headers`, by these alone."""
        arguments.setdefault("headers", self.local_access)
        arguments.setdefault("verify", self.verify)
        return requests.get(f"{self.url}{path}", timeout=DEADLINE_S, **arguments)

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Ask the database, as somebody with a client of their own does."""
        if self.postgresql:
            return rows_of(self.postgresql, query, arguments)
        connection = sqlite3.connect(self.database, timeout=DEADLINE_S)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query, arguments)]
        finally:
            connection.close()

    def execute(self, statement: str, *arguments: Any, **named: Any) -> int:
        """Change the database behind the collector's back; gives the number of rows."""
        given = named or arguments
        if self.postgresql:
            return execute_on(self.postgresql, statement, given)
        with closing(sqlite3.connect(self.database, timeout=DEADLINE_S)) as connection, connection:
            return connection.execute(statement, given).rowcount

    def numbers(self) -> list[int]:
        """Give the numbers of the reports in the database."""
        return [row["id_serv"] for row in self.rows("SELECT id_serv FROM servers ORDER BY 1")]

    def journal(self) -> list[dict[str, Any]]:
        """Give every line of the JSON log."""
        files = sorted((self.storage / "text").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]

    def last_line(self) -> dict[str, Any]:
        """Give the last line of the JSON log."""
        [log] = (self.storage / "text").glob("*.jsonl")
        line: dict[str, Any] = json.loads(log.read_bytes().splitlines()[-1])
        return line

    def release(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()


@pytest.fixture(scope="session")
def empty_databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A database of each layout as createDB.py makes it; tests copy them."""
    folder = tmp_path_factory.mktemp("templates")
    made = {layout: folder / f"{layout}.sqlite" for layout in LAYOUTS}
    for layout, path in made.items():
        create_database(str(path), layout)
    return made


def create_database(url: str, layout: str = "completo") -> None:
    """Make a database as createDB.py does."""
    done = nursery.run(nursery.DATABASE, ["--layout", layout, "--database", url])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def only_miner(of_all_workers: Path) -> Iterator[None]:
    """Nobody else of this run has this machine mine: real agents see all that runs on it."""
    with (of_all_workers / "miner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def empty_database(empty_databases: dict[str, Path]) -> Path:
    """A database of the default layout."""
    return empty_databases["completo"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A server of PostgreSQL, with an empty database of each layout to copy, by its name."""
    with PostgresServer(free_port()) as server:
        for layout in LAYOUTS:
            with server.connect() as connection:
                connection.execute(f"CREATE DATABASE {layout}")
            create_database(server.url(layout), layout)
        yield server


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """Where collectors keep their reports: `sqlite` or `postgresql`; see `both_databases`."""
    usual = POSTGRESQL if request.config.getoption("--postgresql") else SQLITE
    return str(getattr(request, "param", usual))


Databases = Callable[[str], AbstractContextManager[str | None]]
"""Makes a database of a layout, dropped at the end: its URL, or None where a file will do."""


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, database_kind: str) -> Databases:
    """Make the databases of new collectors."""
    if database_kind == SQLITE:
        return lambda _layout: nullcontext()
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.database


class NewCollector(Protocol):
    """Makes a collector that is not running yet, with a folder and a database of its own."""

    def __call__(self, *options: str, layout: str = "completo") -> CollectorProcess: ...


@contextmanager
def _collectors(
    parent: Path, empty: dict[str, Path], databases: Databases
) -> Iterator[NewCollector]:
    made: list[CollectorProcess] = []
    with ExitStack() as ending:

        def make(*options: str, layout: str = "completo") -> CollectorProcess:
            folder = parent / f"{len(made)}"
            url = ending.enter_context(databases(layout))
            made.append(collector_in(folder, empty[layout], options, url))
            ending.callback(made[-1].release)
            return made[-1]

        yield make


@pytest.fixture
def new_collector(
    tmp_path: Path, empty_databases: dict[str, Path], databases: Databases
) -> Iterator[NewCollector]:
    """Make collectors; they are ended with the test."""
    with _collectors(tmp_path, empty_databases, databases) as make:
        yield make


@pytest.fixture
def collector(new_collector: NewCollector) -> CollectorProcess:
    """A running collector of the test's own."""
    return new_collector().start()


@pytest.fixture(scope="module")
def new_shared_collector(
    tmp_path_factory: pytest.TempPathFactory,
    empty_databases: dict[str, Path],
    databases: Databases,
) -> Iterator[NewCollector]:
    """Make collectors for a module's tests; they are ended after the last one."""
    with _collectors(tmp_path_factory.mktemp("shared"), empty_databases, databases) as make:
        yield make


@pytest.fixture(scope="module")
def shared_collector(new_shared_collector: NewCollector) -> CollectorProcess:
    """A running collector for a module's tests, which must not mind each other's reports."""
    return new_shared_collector().start()


def collector_in(
    folder: Path, database: Path, options: tuple[str, ...] = (), postgresql: str | None = None
) -> CollectorProcess:
    """Give a collector in `folder` a copy of `database`, or the one whose URL is `postgresql`."""
    collector = CollectorProcess(folder / "storage", options=options, postgresql=postgresql)
    for made in (folder, collector.storage, collector.database.parent):
        made.mkdir(0o750, exist_ok=True)
    if postgresql is None:
        shutil.copy(database, collector.database)
    return collector


def program(name: str) -> str:
    """Give the path of a program that ./test.sh installs; skip the test where there is none."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        reason = f"{name} is not installed; as root on Debian ./test.sh installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return str(found)


def load_contract(name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((CONTRACT / name).read_text())
    return report


_COMPLETE = load_contract("complete.json")


def make_report(**changes: Any) -> dict[str, Any]:
    """Make a report of our own agent, with an identity that no other test uses."""
    own = {"id_agente": str(uuid.uuid4()), "id_reporte": str(uuid.uuid4())}
    return copy.deepcopy(_COMPLETE) | own | changes


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the full counts of kills and fuzzing")
    parser.addoption(
        "--postgresql",
        action="store_true",
        help="only the tests with a collector whose database may be any, and on PostgreSQL alone",
    )


def pytest_configure(config: pytest.Config) -> None:
    examples = 2_000 if config.getoption("--long") else 60
    slow = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture]
    hypothesis.settings.register_profile(
        "here", max_examples=examples, deadline=None, suppress_health_check=slow
    )
    hypothesis.settings.load_profile("here")


def pytest_unconfigure() -> None:
    nursery.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that are marked so with a database of each kind."""
    both = metafunc.definition.get_closest_marker("both_databases")
    if both and not metafunc.config.getoption("--postgresql"):
        metafunc.parametrize("database_kind", (SQLITE, POSTGRESQL), indirect=True)


FIRST = ("shipping", "e2e", "createdb")
"""Folders whose tests take longest: at the end there are short ones, so that no worker waits long
for another."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--postgresql"):
        chosen = [item for item in items if _runs_on_postgresql(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


def _runs_on_postgresql(item: pytest.Item) -> bool:
    uses_any = "database_kind" in getattr(item, "fixturenames", ())
    return uses_any and item.get_closest_marker("sqlite") is None


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """Whether the full counts of kills and fuzzing were asked for."""
    return bool(pytestconfig.getoption("--long"))
