"""Runs a program with the system calls that a unit of systemd leaves it, and no others.

`python3 confined.py UNIT PROGRAM ...`: what `SystemCallFilter=` says in the unit is loaded with
libseccomp, as systemd does it (systemd.exec(5)), and `MemoryDenyWriteExecute=` asked of the kernel.
"""

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
"""seccomp_init(3): SCMP_ACT_ALLOW and SCMP_ACT_ERRNO."""

PR_SET_MDWE = 65
"""prctl(2), since Linux 6.3; earlier kernels refuse it."""


def main(unit: Path, *command: str) -> None:
    """Confine this process, and become the program."""
    text = unit.read_text()
    if "MemoryDenyWriteExecute=yes" in text:
        ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)
    _load(allowed_by(text))
    os.execvp(command[0], command)  # noqa: S606 - a program of ours


def allowed_by(unit: str) -> set[str]:
    """Name the system calls that a unit's lists leave, one after the other."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = {name for word in line.removeprefix("~").split() for name in members_of(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def members_of(word: str) -> set[str]:
    """Name the system calls in a group, and in those that it names."""
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", word],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    words = (line.strip() for line in listed.splitlines()[1:])
    return {name for word in words if word and word[0] != "#" for name in members_of(word)}


def _load(allowed: set[str]) -> None:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(REFUSE))
    for name in allowed:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are not of this machine
            _require(library.seccomp_rule_add(rules, ALLOW, number, 0))
    _require(library.seccomp_load(rules))


def _require(result: int) -> None:
    if result:
        raise OSError(-result, os.strerror(-result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
