"""Runs a program with the system calls that a unit of systemd leaves it, and no others.

`python3 confined.py UNIT PROGRAM ...`: what `SystemCallFilter=` and `RestrictAddressFamilies=` say
in the unit is loaded with libseccomp, as systemd does it (systemd.exec(5)), and what
`MemoryDenyWriteExecute=` says asked of the kernel.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
"""seccomp_init(3): SCMP_ACT_ALLOW and SCMP_ACT_ERRNO."""

EQUAL = 4
"""SCMP_CMP_EQ."""

PR_SET_MDWE = 65
"""prctl(2), since Linux 6.3; earlier kernels refuse it."""


def main(unit: Path, *command: str) -> None:
    """Confine this process, and become the program."""
    text = unit.read_text()
    if "MemoryDenyWriteExecute=yes" in text:
        ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)
    _load(allowed_by(text), families_of(text))
    os.execvp(command[0], command)  # noqa: S606 - a program of ours


def allowed_by(unit: str) -> set[str]:
    """Name the system calls that a unit's lists leave, one after the other."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = {name for word in line.removeprefix("~").split() for name in members_of(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def families_of(unit: str) -> list[int]:
    """Number the kinds of sockets that a unit leaves."""
    [names] = re.findall(r"^RestrictAddressFamilies=(.*)$", unit, re.MULTILINE)
    return [getattr(socket, name) for name in names.split()]


class Comparison(ctypes.Structure):
    """A condition on an argument of a system call: `struct scmp_arg_cmp`."""

    _fields_ = (
        ("argument", ctypes.c_uint), ("how", ctypes.c_int),
        ("value", ctypes.c_uint64), ("other", ctypes.c_uint64),
    )  # fmt: skip


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


def _load(allowed: set[str], families: list[int]) -> None:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(REFUSE))
    for family in families:
        number = library.seccomp_syscall_resolve_name(b"socket")
        first = ctypes.byref(Comparison(0, EQUAL, family, 0))
        _require(library.seccomp_rule_add_array(rules, ALLOW, number, 1, first))
    for name in allowed - {"socket"}:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are not of this machine
            _require(library.seccomp_rule_add(rules, ALLOW, number, 0))
    _require(library.seccomp_load(rules))


def _require(result: int) -> None:
    if result:
        raise OSError(-result, os.strerror(-result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
