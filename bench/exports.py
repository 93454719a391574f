"""How long an export of many rows takes, and how much memory the process that serves it.

    python3 bench/exports.py [--servers 5000] [--processes 200]

Makes a database of so many servers, each with a report of so many processes, starts a collector and
downloads /procesos in each format. Prints rows a second, processor time, and the most memory that
the serving process had by then, beside what it had before.
"""

import argparse
import http.client
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Connection

from bench.serving import running_collector
from createDB.build import build
from createDB.engine import database_url, open_engine

MIB = 1 << 20
WAYS = (
    ("CSV", "/procesos.csv", "identity"),
    ("CSV, gzip", "/procesos.csv", "gzip"),
    ("NDJSON", "/procesos.ndjson", "identity"),
    ("CSV by name", "/procesos.csv?orden=name", "identity"),
    ("XLSX", "/procesos.xlsx", "identity"),
)

_MOMENT = 1_790_000_000_000
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
_AGENTS = f"""
    INSERT INTO agentes (num_agente, id_agente, hostname, ipaddress, id_serv, ultimo_reporte,
        momento)
    {_NUMBERS} SELECT i, '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + i AS TEXT), 2),
        'web-' || i, '10.0.0.1', i, '2026-11-20 10:00:00.000000', {_MOMENT} FROM n
"""  # noqa: S608 - ours
_REPORTS = """
    INSERT INTO servers (id_serv, ipaddress, fecha_hora, hostname, id_agente, num_agente, momento,
        recibido)
    SELECT num_agente, ipaddress, ultimo_reporte, hostname, id_agente, num_agente, momento,
        ultimo_reporte
    FROM agentes
"""
_PROCESSES = f"""
    INSERT INTO procesos (id_serv, ip_server, fecha_hora, pid, name, username {{more}})
    {_NUMBERS} SELECT id_serv, ipaddress, fecha_hora, i, 'process-' || (i * 7919 % 997),
        CASE i % 3 WHEN 0 THEN 'root' ELSE 'service-' || i % 11 END {{more}} FROM servers, n
"""  # noqa: S608
_OF_REPORT = {"sqlite": "", "postgresql": ", num_agente, recibido"}
"""Columns that a process has of its report besides."""


class Measured(NamedTuple):
    """One download."""

    seconds: float
    received: int
    cpu: float
    peak: int


def fill(connection: Connection, servers: int, processes: int) -> None:
    """Make a fleet, each server with one report."""
    connection.exec_driver_sql(_AGENTS.format(count=servers))
    connection.exec_driver_sql(_REPORTS)
    more = _OF_REPORT[connection.dialect.name]
    connection.exec_driver_sql(_PROCESSES.format(count=processes, more=more))


def server_on(port: int) -> psutil.Process:
    """Find the process that serves: the one that listens and has no others below it."""
    for process in psutil.process_iter():
        try:
            listening = {each.laddr.port for each in process.net_connections("tcp")
                         if each.status == psutil.CONN_LISTEN}  # fmt: skip
            if port in listening and not process.children():
                return process
        except psutil.Error:
            continue
    raise SystemExit(f"nobody listens on port {port}")


def peak_of(process: psutil.Process) -> int:
    """Tell how many bytes of memory a process had at most (VmHWM, proc(5))."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def download(port: int, process: psutil.Process, path: str, access: dict[str, str]) -> Measured:
    """Read a download to its end."""
    before, start, received = process.cpu_times(), time.monotonic(), 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path, headers=access)
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise SystemExit(f"{path}: {answer.status} {answer.read()!r}")
    for piece in iter(lambda: answer.read(MIB), b""):
        received += len(piece)
    connection.close()
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return Measured(time.monotonic() - start, received, cpu, peak_of(process))


def measure(folder: Path, servers: int, processes: int) -> Iterator[str]:
    """Download in each way; give a line of the result for each."""
    database = folder / "servers.sqlite"
    build(database_url(str(database)))
    engine = open_engine(database_url(str(database)))
    with engine.begin() as connection:
        fill(connection, servers, processes)
    engine.dispose()
    with running_collector(folder / "storage", database) as port:
        name, _, value = (folder / "storage" / "acceso-local").read_text().strip().partition(": ")
        process = server_on(port)
        yield f"{servers * processes:,} rows; before: {peak_of(process) / MIB:.0f} MiB"
        for what, path, encoding in WAYS:
            found = download(port, process, path, {name: value, "Accept-Encoding": encoding})
            yield (
                f"{what:12} {servers * processes / found.seconds:9,.0f} rows/s  "
                f"{found.seconds:6.1f} s  {found.cpu:6.1f} s CPU  "
                f"{found.received / MIB:6.1f} MiB  peak {found.peak / MIB:.0f} MiB"
            )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(Path(folder), options.servers, options.processes):
            print(line, flush=True)


if __name__ == "__main__":
    main()
