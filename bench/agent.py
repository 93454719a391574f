#!/usr/bin/env python3
"""Measures the agent as the issue asks: one shot, a cycle of the endless run, beside others.

    python3 bench/agent.py [--processes 300] [--runs 20]

Starts sleeping processes until that many run, and measures, in the same run and in turns,
`agente.py --print` (a new process, processor facts cached), psutil alone for the same fields of
every process, and `ps`; then an endless run of the agent against a collector on this host. Ends
what it started. Prints medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

AGENT = Path(__file__).resolve().parents[1] / "agente" / "agente.py"
PSUTIL = (
    "import psutil\n"
    "for p in psutil.process_iter(['pid', 'name', 'username', 'create_time']): pass\n"
)
LAUNCHER = """
import os, sys, time
null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - start
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What one run of a command took: seconds of wall clock and processor, peak MiB."""

    wall: float
    cpu: float
    memory: float


class Collector(BaseHTTPRequestHandler):
    """Takes every report."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer as our collector does."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"id_serv": 1}'
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def processes(count: int) -> Iterator[int]:
    """Have at least so many processes run; yields how many do."""
    running = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(count - len(running))]
    try:
        yield len(running) + len(sleepers)
    finally:
        for sleeper in sleepers:
            sleeper.kill()
        for sleeper in sleepers:
            sleeper.wait()


@contextmanager
def collector() -> Iterator[str]:
    """Have a collector on a free port; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def environment(folder: str) -> dict[str, str]:
    """Return an environment in which Python keeps its bytecode, as it does on a server."""
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def run(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end and return what it took (wait4(2)).

    A small process starts it: a child's peak memory begins at that of the process it came from.
    """
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *command],
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    return Cost(*map(float, found.stdout.split()))


def in_turns(
    commands: dict[str, list[str]], runs: int, environment: dict[str, str]
) -> dict[str, Cost]:
    """Return the median cost of each command; they take turns, so that noise meets all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            costs[name].append(run(command, environment))
    return {  # the first of each warms the disk cache up
        name: Cost(*(statistics.median(column) for column in zip(*found[1:], strict=True)))
        for name, found in costs.items()
    }


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken, that of its ended threads included.

    utime and stime of proc_pid_stat(5), in hundredths of a second: fine over many cycles.
    """
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


def endless(own: list[str], cycles: int) -> Cost:
    """Return what a cycle of the endless run takes once it runs: gathered, spooled, delivered."""
    interval = 0.5
    with collector() as url:
        command = [sys.executable, str(AGENT), *own, "--url", url, "--interval", str(interval)]
        process = subprocess.Popen([*command, "--cpu-percent", "100"])
        try:
            time.sleep(4 * interval)  # the first cycles import what they need
            before, start = cpu_seconds(process.pid), time.perf_counter()
            time.sleep(cycles * interval)
            took = (cpu_seconds(process.pid) - before) / cycles
            wall = (time.perf_counter() - start) / cycles
        finally:
            process.terminate()
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
    return Cost(wall, took, usage.ru_maxrss / 1024)


def measure(count: int, runs: int) -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as folder, processes(count) as running:
        own = ["--config", os.devnull, "--state", folder]
        once = [sys.executable, str(AGENT), *own]
        costs = in_turns(
            {
                "agente.py --print": [*once, "--print"],
                "psutil alone": [sys.executable, "-c", PSUTIL],
                "ps -eo pid,comm,user": ["ps", "-eo", "pid,comm,user"],
            },
            runs,
            environment(f"{folder}/bytecode"),
        )
        cycle = endless(own, runs)
    print(f"{running} processes, medians of {runs} runs, Python {sys.version.split()[0]}\n")
    print(f"{'':30} {'wall':>8} {'CPU':>8} {'peak':>10}")
    for name, cost in costs.items():
        print(f"{name:30} {cost.wall:6.3f} s {cost.cpu:6.3f} s {cost.memory:6.1f} MiB")
    print(f"{'a cycle of the endless run':30} {'':8} {cycle.cpu:6.3f} s {cycle.memory:6.1f} MiB")
    one = costs["agente.py --print"]
    limits = (one.wall <= 0.12, one.memory <= 35, cycle.cpu <= 0.030)
    print(f"\nwithin 0.12 s, 35 MiB and 0.030 s: {'yes' if all(limits) else 'NO'}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=300, metavar="N")
    parser.add_argument("--runs", type=int, default=20, metavar="N")
    options = parser.parse_args()
    measure(options.processes, options.runs)


if __name__ == "__main__":
    main()
