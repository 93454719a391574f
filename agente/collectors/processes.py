"""The processes of this host: pid, name, owner, start.

Linux is read from /proc directly: psutil takes three times as long for the same fields, mostly
in making objects, and looks every owner's name up anew. Elsewhere psutil is asked.
"""

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from collectors.context import CannotTellError, Context
from collectors.usernames import Usernames
from report import clean_text, to_the_second

PROC = "/proc"
COMM_LENGTH = 15  # bytes of a name that the kernel keeps (TASK_COMM_LEN, prctl(2))
KERNEL_THREAD = 0x00200000  # PF_KTHREAD, include/linux/sched.h
CAP_SYS_PTRACE = 19
BETWEEN_RESTS = 64  # processes read before looking at the share of the processor
TICKS = os.sysconf("SC_CLK_TCK")
WORKER = re.compile(rb"(kworker/u?\d+:\d+[A-Z]*)[-+].*", re.DOTALL)


class Process(NamedTuple):
    """A process as /proc tells it: name in bytes, owner's real uid, start in ticks since boot."""

    pid: int
    name: bytes
    uid: int
    start: int


class Stat(NamedTuple):
    """What is used of /proc/PID/stat: the name, the kernel's flags, the start in ticks."""

    name: bytes
    flags: int
    start: int


def parse_stat(data: bytes) -> Stat:
    """Return name, flags and start. The name may hold spaces, newlines and parentheses.

    proc_pid_stat(5): "pid (comm) state ppid ..."; flags is field 9, starttime field 22.
    """
    opening, closing = data.index(b"("), data.rindex(b")")
    rest = data[closing + 2 :].split()
    return Stat(data[opening + 1 : closing], int(rest[6]), int(rest[19]))


def parse_real_uid(status: bytes) -> int:
    r"""Return the real uid of /proc/PID/status, where Name is escaped and can't forge a line."""
    start = status.index(b"\nUid:\t") + 6
    return int(status[start : status.index(b"\t", start)])


def full_name(stat: Stat, cmdline: bytes) -> bytes:
    """Return a process's name, completed from its command line where the kernel cut it.

    A kernel worker's name is followed by the work it did last ("kworker/0:1-events",
    wq_worker_comm() in kernel/workqueue.c), which changes by the second and names nothing.
    """
    if stat.flags & KERNEL_THREAD:
        worker = WORKER.fullmatch(stat.name)
        return worker[1] if worker else stat.name
    if len(stat.name) < COMM_LENGTH:
        return stat.name
    program = cmdline.partition(b"\0")[0].rpartition(b"/")[2]
    return program if program.startswith(stat.name) else stat.name


def read_in(folder: int, name: str) -> bytes:
    """Return the beginning of a file in an open folder: 4 KiB, more than stat and status have."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def read_process(pid: int, proc: str = PROC) -> Process:
    """Return one process. Raises OSError when it is gone or can't be looked at.

    All is read through one open folder: a pid that is used again meanwhile is not mixed in.
    """
    folder = os.open(f"{proc}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        stat = parse_stat(read_in(folder, "stat"))
        uid = parse_real_uid(read_in(folder, "status"))
        long = len(stat.name) >= COMM_LENGTH and not stat.flags & KERNEL_THREAD
        name = full_name(stat, read_in(folder, "cmdline") if long else b"")
    finally:
        os.close(folder)
    return Process(pid, name, uid, stat.start)


class Reading(NamedTuple):
    """All processes that could be read; how many were gone meanwhile; how many are hidden."""

    processes: list[Process]
    vanished: int
    hidden: int


def read_processes(context: Context, proc: str = PROC) -> Reading:
    """Read every process, resting as the budget says.

    Raises OSError where the system is short of something (files that may be open, memory).
    """
    found: list[Process] = []
    vanished = hidden = 0
    names = os.listdir(proc)  # noqa: PTH208 - a Path for each of thousands of names is waste
    for count, pid in enumerate(sorted(int(name) for name in names if name.isdigit())):
        if count % BETWEEN_RESTS == BETWEEN_RESTS - 1:
            context.budget.pace()
        try:
            found.append(read_process(pid, proc))
        except PermissionError:
            hidden += 1
        except (FileNotFoundError, ProcessLookupError, ValueError):
            vanished += 1
    return Reading(found, vanished, hidden)


def mount_options(mounts: str, folder: str = PROC) -> set[str]:
    """Return the options of the file system mounted last on a folder, from /proc/mounts."""
    options: set[str] = set()
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 3 and fields[1] == folder:
            options = set(fields[3].split(","))
    return options


def why_hidden(options: set[str], groups: set[int], capabilities: int) -> str:
    """Return why others' processes are hidden from this one, "" when they are not.

    proc(5), hidepid: who may trace any process (CAP_SYS_PTRACE) sees everything; so does the group
    of ``gid=``, root's unless given, except with "ptraceable" (fs/proc/base.c).
    """
    values = dict(option.split("=", 1) for option in options if "=" in option)
    hidepid = values.get("hidepid", "off")
    if hidepid in {"0", "off"} or capabilities >> CAP_SYS_PTRACE & 1:
        return ""
    by_group = hidepid not in {"4", "ptraceable"}
    if by_group and int(values.get("gid", "0")) in groups:
        return ""
    hint = "; con un grupo del agente en su gid=, todos" if by_group else ""
    return f"/proc está montado con hidepid={hidepid}: solo se ven los procesos propios{hint}"


def parse_capabilities(status: str) -> int:
    """Return the effective capabilities of /proc/self/status as bits (capabilities(7))."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(found[1], 16) if found else 0


def read_why_hidden() -> str:
    """Look at how /proc is mounted and at what this process may see."""
    mounts = Path("/proc/mounts").read_bytes().decode("utf-8", "backslashreplace")
    status = Path("/proc/self/status").read_bytes().decode("utf-8", "backslashreplace")
    groups = {os.getegid(), *os.getgroups()}
    reason = why_hidden(mount_options(mounts), groups, parse_capabilities(status))
    if not reason and not Path("/proc/1/stat").exists():
        return "/proc no muestra el proceso 1: solo se ven los procesos propios"
    return reason


def describe(process: Process, boot_time: int, usernames: Usernames) -> dict[str, Any]:
    """Return a process as the report has it."""
    return {
        "pid": process.pid,
        "name": clean_text(process.name),
        "username": usernames(process.uid),
        "inicio": to_the_second(boot_time + process.start / TICKS),
    }


def gather(context: Context) -> dict[str, Any]:
    """Return all processes. Raises CannotTellError when some are hidden: a part is no answer."""
    context.usernames.begin()
    if not Path(PROC, "self", "stat").exists():
        return {"procesos": ask_psutil(context.usernames)}
    if reason := read_why_hidden():
        raise CannotTellError(reason)
    reading = read_processes(context)
    if reading.hidden:
        raise CannotTellError(f"no tengo permiso para ver {reading.hidden} procesos en /proc")
    boot_time = context.boot.boot_time()
    return {"procesos": [describe(p, boot_time, context.usernames) for p in reading.processes]}


def ask_psutil(usernames: Usernames) -> list[dict[str, Any]]:
    """Return all processes as psutil tells them, where there is no /proc to read."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                entry = {
                    "pid": process.pid,
                    "name": clean_text(process.name()),
                    "username": usernames(process.uids().real),
                    "inicio": to_the_second(process.create_time()),
                }
        except psutil.NoSuchProcess:
            continue
        found.append(entry)
    return found
