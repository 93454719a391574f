"""Real files, the real program, and a first generation's database to begin from."""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import nursery

SCRIPT = nursery.DATABASE
DEADLINE_S = 60

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
When = Callable[["subprocess.Popen[str]", Callable[[], bool]], None]
Rows = Callable[..., list[tuple[Any, ...]]]
Change = Callable[[Path, str], None]
LogLine = Callable[..., bytes]
LogBody = Callable[[int], tuple[bytes, datetime]]

SEED_TABLES = """
CREATE TABLE servers (id_serv INTEGER PRIMARY KEY, ipaddress VARCHAR(20), fecha_hora DATETIME,
    arquitectura_proc VARCHAR(20), marca_proc VARCHAR(50), nombre_so TEXT, version_so TEXT);
CREATE TABLE procesos (id_proc INTEGER PRIMARY KEY, id_serv INTEGER, ip_server VARCHAR(20),
    fecha_hora VARCHAR(30), pid INTEGER, name TEXT, username TEXT,
    FOREIGN KEY (id_serv) REFERENCES servers (id_serv));
CREATE TABLE usuarios_activos (id_usr INTEGER PRIMARY KEY, id_serv INTEGER, ip_server TEXT,
    fecha_hora TEXT, username TEXT, pid INTEGER);
"""


@pytest.fixture
def environment() -> dict[str, str]:
    """Give the program an environment without settings of whoever runs the tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COMPLIANCE_")}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run createDB.py to its end, from a folder that is not the repository."""

    def run(
        *arguments: str | Path, prefix: Iterable[str] = (), **more: str
    ) -> "subprocess.CompletedProcess[str]":
        if not prefix:
            return nursery.run(
                SCRIPT, [*map(str, arguments)], cwd=tmp_path,
                env=environment | more, timeout=DEADLINE_S,
            )  # fmt: skip
        return subprocess.run(
            [*prefix, sys.executable, str(SCRIPT), *map(str, arguments)],
            cwd=tmp_path,
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start createDB.py and let it run; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            # What runs in the background ignores SIGINT, and so would what it starts.
            ["env", "--default-signal=INT", sys.executable, str(SCRIPT), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def when() -> When:
    """Wait until something is true of what a running program does; fail if it ends before."""

    def when(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert process.poll() is None, "the program ended before"
            assert time.monotonic() < deadline
            os.sched_yield()

    return when


@pytest.fixture
def rows() -> Rows:
    """Read a SQLite file."""

    def rows(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query, values).fetchall()

    return rows


@pytest.fixture
def change() -> Change:
    """Change a SQLite file behind the program's back."""

    def change(path: Path, script: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    return change


@pytest.fixture
def seed(tmp_path: Path, change: Change) -> Path:
    """Make a database of the first generation: two reports of one address, and what goes wrong."""
    path = tmp_path / "servers.sqlite"
    change(
        path,
        SEED_TABLES
        + """
    INSERT INTO servers VALUES
        (3, '10.0.0.1', '2020-02-15 02:06:54.999999', 'X86_64', 'Xeon', 'Linux', '#1 SMP'),
        (8, '10.0.0.1', '2020-02-16T02:06:54+02:00', 'X86_64', 'Xeon', 'Linux', '#1 SMP'),
        (9, '10.0.0.2', 'ayer', NULL, NULL, NULL, NULL),
        (10, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO procesos VALUES
        (1, 3, '10.0.0.1', '2020-02-15 02:06:54.999999', 1, 'systemd', 'root'),
        (7, 8, '10.0.0.1', '2020-02-16T02:06:54Z', 829, 'Compañía "demo"', NULL),
        (20, 41, '10.0.0.9', '2020-02-17', 2, 'huérfano', 'root'),
        (21, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO usuarios_activos VALUES
        (2, 3, '10.0.0.1', '2020-02-15 02:06:54.999999', 'juan', 829),
        (5, 57, NULL, NULL, NULL, NULL);
    """,
    )
    return path


def report(number: int, **changes: Any) -> dict[str, Any]:
    """Make a report of our own agent; reports of three servers take turns."""
    server = number % 3
    return {
        "arquitectura_proc": "X86_64",
        "marca_proc": "EPYC",
        "nombre_so": "Linux",
        "version_so": "#1 SMP",
        "ipaddress": f"10.0.0.{server}",
        "fecha_hora": (START + timedelta(minutes=number)).isoformat(),
        "procesos": [
            {"pid": pid, "name": f"proceso {pid}", "username": None if pid == 2 else "root"}
            for pid in range(1, 4 + server)
        ],
        "usuarios_activos": [{"pid": None, "name": "juan"}] * server,
        "id_agente": str(uuid.UUID(int=server + 1)),
        "id_reporte": str(uuid.UUID(int=1000 + number)),
        "hostname": f"web-{server}",
    } | changes


START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def line(number: int, *, numbered: bool = True, **changes: Any) -> bytes:
    """Make a line of the log, received a second after its report was gathered."""
    body = report(number, **changes)
    received = START + timedelta(minutes=number, seconds=1)
    return (
        json.dumps(
            {
                "recibido": received.isoformat(timespec="microseconds"),
                "id_serv": number if numbered else None,
                "id_reporte": body["id_reporte"],
                "reporte": body,
            },
            ensure_ascii=False,
        ).encode()
        + b"\n"
    )


@pytest.fixture
def log_line() -> LogLine:
    """Give the maker of lines."""
    return line


@pytest.fixture
def log_body() -> LogBody:
    """Give the maker of a line's report and of the time at which it was received."""

    def log_body(number: int) -> tuple[bytes, datetime]:
        received = START + timedelta(minutes=number, seconds=1)
        return json.dumps(report(number), ensure_ascii=False).encode(), received.replace(
            tzinfo=None
        )

    return log_body


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Make a storage folder with a log of two days: reports 1 to 20 compressed, 21 to 30 not."""
    folder = tmp_path / "storage"
    text = folder / "text"
    text.mkdir(parents=True)
    old = b"".join(line(number) for number in range(1, 21))
    (text / "reportes-2026-11-20.jsonl.gz").write_bytes(gzip.compress(old))
    new = b"".join(line(number) for number in range(21, 31))
    (text / "reportes-2026-11-21.jsonl").write_bytes(new)
    return folder
