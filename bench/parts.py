"""What each part of a running collector takes: processor time and memory, from /proc."""

import os
import re
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
WRITER, JUDGE, SERVING, SIMULATOR = "writer", "judge", "serving", "simulator"
_SAID = {JUDGE: re.compile(r"event=judging .*pid=(\d+)"),
         SERVING: re.compile(r"event=listening .*pid=(\d+)")}  # fmt: skip


class Use(NamedTuple):
    """What a part took: seconds of processor since the process began, MiB now and at most."""

    cpu: float = 0.0
    memory: float = 0.0
    peak: float = 0.0


def processes(storage: Path, log: Path) -> dict[str, list[int]]:
    """Find the processes of a collector by its lock and by what it said in its log."""
    said = log.read_text()
    found = {part: list(map(int, pattern.findall(said))) for part, pattern in _SAID.items()}
    found[WRITER] = [int((storage / ".lock").read_text())]
    found[SIMULATOR] = [os.getpid()]
    return {part: [pid for pid in pids if Path(f"/proc/{pid}").exists()]
            for part, pids in found.items()}  # fmt: skip


def use_of(pids: list[int]) -> Use:
    """Tell what some processes have taken so far (proc_pid_stat(5), proc_pid_status(5))."""
    uses = [_use(pid) for pid in pids]
    return Use(*map(sum, zip(*uses, strict=True))) if uses else Use()


def _use(pid: int) -> Use:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Use()
    cpu = (int(stat[11]) + int(stat[12])) / TICKS
    now, peak = (int(status.partition(f"{key}:")[2].split()[0]) for key in ("VmRSS", "VmHWM"))
    return Use(cpu, now / 1024, peak / 1024)
