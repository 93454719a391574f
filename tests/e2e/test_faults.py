"""Two collectors, one PostgreSQL, and what can happen to them: every report is stored once.

Reports of some dozen servers go to either collector while something fails. What was taken (200,
201, 202) must be in the database once, in its place in its server's history, in the log of whoever
took it, and judged.
"""

import os
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from API.app.lately import FILE as COPY
from tests.conftest import (
    CollectorProcess,
    collector_in,
    create_database,
    free_port,
    make_report,
    program,
    wait_until,
)
from tests.e2e.cable import Cable
from tests.e2e.proofs import assert_stored_once
from tests.e2e.reporters import Reporters, wait_for_logs
from tests.enrolment import Member
from tests.postgresql import PostgresServer, execute_on

FEW = 10
"""Answers that tell that something goes on."""

DISK = "1500m"
"""Room for all that five rounds of every fault store; full it takes so much memory."""

KNOWN = "INSERT INTO agentes (id_agente) SELECT unnest(?::text[])"


MANY = 20
"""Answers that do not come about in the seconds for which enrolments wait, if each waits too."""


class Place(NamedTuple):
    """Two collectors and their database."""

    server: PostgresServer
    disk: Path
    """What the server has its files on; small."""
    cable: Cable
    """Between the first collector and the database; the other one has its own way."""
    first: CollectorProcess
    other: CollectorProcess
    servers: Iterator[str]
    """Identities of servers that have not reported yet and are known: they are let in while the
    database cannot be asked."""
    long: bool

    @property
    def both(self) -> list[CollectorProcess]:
        return [self.first, self.other]

    def go_on(self, seconds: float, long: float | None = None) -> None:
        """Let things be as they are for some time, or, in a long run, for longer."""
        time.sleep(long or 5 * seconds if self.long else seconds)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Have a disk that can be filled, where this user may make one."""
    if os.geteuid() != 0:
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "disk", folder], check=True)
    try:
        folder.chmod(0o755)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, long_run: bool) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    with ExitStack() as ending:
        disk = Path(tempfile.mkdtemp(prefix="disk-"))  # pytest's own folders are closed to others
        ending.callback(disk.rmdir)
        ending.enter_context(small_disk(disk))
        server = ending.enter_context(PostgresServer(free_port(), disk))
        with closing(server.connect()) as connection:
            connection.execute("CREATE DATABASE base")
        create_database(server.url("base"))
        servers = [str(uuid.uuid4()) for _ in range(1_500 if long_run else 250)]
        execute_on(server.url("base"), KNOWN, [servers])
        cable = ending.enter_context(Cable(server.port))
        over_cable = server.url("base").replace(str(server.port), str(cable.port))
        first = collector_in(folder / "uno", Path(), postgresql=over_cable)
        other = collector_in(folder / "otro", Path(), postgresql=server.url("base"))
        for collector in (first, other):
            ending.callback(collector.release)
            collector.start()
        yield Place(server, disk, cable, first, other, iter(servers), long_run)


def kill_collector(place: Place, reporters: Reporters) -> None:
    place.first.kill()
    reporters.wait_for(FEW, 201, by=place.other)
    place.first.start()


def kill_database(place: Place, reporters: Reporters) -> None:
    place.server.kill()
    reporters.wait_for(FEW, 202, by=place.first)
    place.server.start()


def kill_both(place: Place, reporters: Reporters) -> None:
    place.server.kill()
    reporters.wait_for(FEW, 202, by=place.first)
    place.first.kill()
    reporters.wait_for(FEW, 202, by=place.other)
    place.server.start()
    place.first.start()


def restart_database(place: Place, reporters: Reporters) -> None:
    for _ in range(2):
        place.server.stop()
        place.server.start()
        reporters.wait_for(FEW, 201)


def cut_the_network(place: Place, reporters: Reporters) -> None:
    with place.cable.cut():
        reporters.wait_for(FEW, 202, by=place.first)


def let_the_network_die(place: Place, _: Reporters) -> None:
    with place.cable.dead():
        place.go_on(3, 60)


def freeze_the_database(place: Place, reporters: Reporters) -> None:
    with place.server.frozen():
        for collector in place.both:
            reporters.wait_for(FEW, 202, by=collector)
        for collector in place.both:
            answer = collector.get("/readyz")
            assert answer.status_code == 200
            why = answer.json()["comprobaciones"]["pendientes"]
            assert "no answer within" in why or "timeout expired" in why
        place.go_on(1, 60)


def slow_the_network(place: Place, reporters: Reporters) -> None:
    with place.cable.slow(0.03):
        reporters.wait_for(FEW, 201, by=place.first)


def hold_a_lock(place: Place, reporters: Reporters) -> None:
    with closing(place.server.connect("base")) as psql:
        psql.execute("BEGIN")
        psql.execute("LOCK TABLE servers")
        reporters.wait_for(FEW, 202)
        place.go_on(1, 60)


def fill_the_disk(place: Place, reporters: Reporters) -> None:
    if not os.path.ismount(place.disk):
        pytest.skip("needs root to mount a small disk")
    ballast = place.disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)):
            pass
    reporters.wait_for(FEW, 202)
    place.go_on(1, 60)
    ballast.unlink()
    if place.server.has_ended():
        place.server.start()


USUAL = (kill_both, cut_the_network, freeze_the_database, hold_a_lock, fill_the_disk)
RARER = (kill_collector, kill_database, restart_database, let_the_network_die, slow_the_network)
"""Those of which each is a part of a usual one, or has a test of its own elsewhere: with --long."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        faults = USUAL + RARER if metafunc.config.getoption("--long") else USUAL
        metafunc.parametrize("fault", faults, ids=lambda fault: fault.__name__)


def test_every_report_is_stored_once(
    place: Place, fault: Callable[[Place, Reporters], None]
) -> None:
    for _ in range(5 if place.long else 1):
        with Reporters(place.both, place.servers) as reporters:
            reporters.wait_for(FEW, 201)
            fault(place, reporters)
            wait_for_logs(place.both)
            for collector in place.both:
                reporters.wait_for(FEW, 201, by=collector)
        assert_stored_once(place.both, reporters.taken)
    assert "deadlock" not in place.server.log


def test_enrolments_keep_no_report_waiting(place: Place) -> None:
    """While what is sent to the database is swallowed, and its answers do not come."""
    known, asked = next(place.servers), make_report()
    wait_until((place.first.storage / COPY).exists, "there is no copy of who is known")
    members = [Member(place.first) for _ in range(3)]
    with ThreadPoolExecutor(len(members)) as pool, place.cable.cut():
        wait_until(lambda: place.first.post(asked | {"id_agente": known}).status_code == 202, "up")
        with place.cable.dead():
            place.cable.mend()
            enrolling = [pool.submit(member.enrol, "secret") for member in members]
            answered = 0
            while not all(each.done() for each in enrolling):
                report = make_report(id_agente=known)
                assert place.first.post(report).status_code == 202
                answered += 1
            assert answered > MANY, "they wait for seconds"
        assert {each.result().status_code for each in enrolling} == {503}


class Clock:
    """The clock of whatever is started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Let it be right."""
        self._file, library = folder / "clock", folder / "clock.so"
        self._file.write_bytes(bytes(8))
        source = Path(__file__).with_name("clock.c")
        compiler = [
            program("gcc"),
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-o",
            str(library),
            str(source),
        ]
        subprocess.run(compiler, check=True)
        self.environment = os.environ | {
            "LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file),
        }  # fmt: skip

    def go(self, seconds: int) -> None:
        """Let it be wrong by so many seconds."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))


@pytest.fixture
def late(place: Place, tmp_path: Path) -> Iterator[tuple[CollectorProcess, Clock]]:
    """A third collector, and its clock."""
    clock = Clock(tmp_path)
    collector = collector_in(tmp_path / "late", Path(), postgresql=place.first.postgresql)
    yield collector.start(env=clock.environment), clock
    collector.release()


def test_a_clock_that_is_set_back(place: Place, late: tuple[CollectorProcess, Clock]) -> None:
    collector, clock = late
    with Reporters([collector, place.other], place.servers) as reporters:
        for seconds in (0, -3_600, 0):
            clock.go(seconds)
            reporters.wait_for(FEW, 201, by=collector)
    assert_stored_once([collector, place.other], reporters.taken)
    [row] = collector.rows("SELECT count(*) AS n FROM servers WHERE recibido < fecha_hora")
    assert row["n"] >= FEW / 2, "the clock did not go back"
