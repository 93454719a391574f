"""Simulates a fleet and tells what it asks of a collector: answers, processor, memory, disk.

`python3 bench/fleet.py --servers 100000 --minutes 10` starts a collector of its own in a temporary
folder, on loopback, lets every server report through it as long as that, and ends both. All servers
have enrolled and reported once before. `--outage 120` takes the collector away for that many
seconds in the midst of it; the servers come back as agents do. `--speed 300 --interval 1` lives
five minutes in a second: so a day fits into five minutes, for the bytes that it takes.

At the end it compares the database with what the servers lived, and ends with 1 where they differ.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "agente"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import structlog

from bench.enrolled import kept_database
from bench.herd import Herd
from bench.ingest import size_of, unjudged
from bench.lines import Lines
from bench.record import Record, Result
from bench.servers import Plan
from bench.serving import free_port, running_collector
from bench.truth import findings
from createDB.views import Layout

DRAIN_S = 300.0
"""How long what waits at the end may take to be delivered."""

SAMPLE = 500
"""Servers whose history is compared with what they lived."""


def main() -> int:
    """Simulate what the command line asks for, and print what was measured."""
    parser = _options()
    options = vars(parser.parse_args())
    seconds, outage = 60 * options.pop("minutes"), options.pop("outage")
    drawing, folder, kept = options.pop("plot"), options.pop("folder"), options.pop("kept")
    warm = 60 * options.pop("warm_up")
    if drawing and not find_spec("matplotlib"):  # rather now than when the run is over
        parser.error("--plot needs matplotlib: run it with .venv-test/bin/python (./test.sh)")
    if not options["clones"] and options["servers"] >= 1_000:
        options["clones"] = options["servers"] // 1_000
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(dir=folder) as made:
        result = simulate(Plan(**options), seconds, outage, Path(made), kept, warm)
    print(result.table())
    if drawing:
        result.plot(drawing)
    return 0 if result.is_right() else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    plan = Plan(1_000)
    add = parser.add_argument
    add("--servers", type=int, default=plan.servers, metavar="N")
    add("--interval", type=float, default=plan.interval, metavar="S", help="between two reports")
    add("--minutes", type=float, default=5.0, metavar="M", help="that the fleet reports")
    add("--warm-up", type=float, default=0.0, metavar="M", help="before that, not measured")
    add("--processes", type=int, default=plan.processes, metavar="N", help="that run, at least")
    add("--layout", type=Layout, choices=Layout, default=plan.layout)
    add("--outage", type=float, default=0.0, metavar="S", help="without a collector, after a third")
    add("--speed", type=float, default=plan.speed, metavar="X", help="of what happens on a server")
    add("--clones", type=int, default=plan.clones, metavar="N", help="one in 1,000, from there on")
    add("--silent", type=float, default=plan.silent, metavar="P", help="share of beats that are "
        "the beginning of a silence")  # fmt: skip
    add("--seed", type=int, default=plan.seed)
    add("--folder", type=Path, metavar="DIR", help="for the temporary one, on the disk to measure")
    add("--kept", type=Path, metavar="DIR", help="where the databases to begin with are kept")
    add("--plot", type=Path, metavar="FILE", help="draw the run as PNG or SVG")
    return parser


def simulate(
    plan: Plan,
    seconds: float,
    outage: float,
    folder: Path,
    kept: Path | None = None,
    warm: float = 0.0,
) -> Result:
    """Run a fleet against a collector in a folder, and tell how it went.

    Args:
        plan: the fleet.
        seconds: for which it reports and is measured.
        outage: seconds without a collector, besides, after a third of that.
        folder: of the collector and its database; empty.
        kept: where the database to begin with is looked for, and left.
        warm: seconds before that: a collector has to read each server once.
    """
    print(f"{plan.servers:,} servers enrol", end="\r", file=sys.stderr)
    storage, database = folder / "storage", folder / "storage" / "database" / "servers.sqlite"
    log, port = folder / "log", free_port()
    whole = warm + seconds + outage + DRAIN_S
    made, servers = kept_database(kept or folder / "made", plan, whole)
    database.parent.mkdir(parents=True)
    shutil.copy(made, database)
    before = size_of(database)
    herd = Herd(servers)
    record = Record(herd, storage, log)

    def collector() -> ExitStack:
        stack = ExitStack()
        stack.enter_context(running_collector(storage, database, port=port, log=log))
        record.look_for_parts()
        return stack

    running = collector()
    servers.start = time.time()
    lines = Lines(herd, [port], record.tick)
    try:
        lines.run(warm)
        record.begin(lines)
        if outage:
            lines.run(warm + seconds / 3)
            running.close()
            record.away()
            lines.run(warm + seconds / 3 + outage)
            running = collector()
            record.back(lines.now())
        lines.run(lines.now() + (2 / 3 if outage else 1) * seconds)
        record.end(lines.now())
        herd.end_silence(lines.now())
        lines.run(lines.now() + DRAIN_S, gathering=False)
        left = unjudged(database)
    finally:
        lines.close()
        running.close()
    grown = size_of(database) - before
    found = findings(database, herd, SAMPLE)
    return record.result(lines.latencies, grown, left, found, os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main())
