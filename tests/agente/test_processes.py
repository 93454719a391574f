"""The processes of this host, with the oddest that a kernel allows."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from boot import BootCache
from collectors import Context, processes
from collectors.context import CannotTellError
from collectors.processes import (
    Stat,
    full_name,
    mount_options,
    parse_capabilities,
    parse_real_uid,
    parse_stat,
    why_hidden,
)
from collectors.usernames import Usernames
from guest import Budget

from tests.agente.conftest import AgentRunner, needs_namespaces, wait_for

REST = b" S 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 8631 0 0\n"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("http://127.0.0.1:8080", BootCache(tmp_path, "x"), Usernames(), Budget(1.0))


def name_of(context: Context, pid: int) -> str | None:
    """The name that the agent reports for a process."""
    entry = entry_of(context, pid)
    return None if entry is None else entry["name"]


def entry_of(context: Context, pid: int) -> dict[str, Any] | None:
    """What the agent reports of a process."""
    found = processes.gather(context)["procesos"]
    return next((entry for entry in found if entry["pid"] == pid), None)


@pytest.fixture
def named() -> Iterator[Any]:
    """Starts processes that name themselves (prctl(2), PR_SET_NAME)."""
    started = []

    def start(name: bytes) -> int:
        code = (
            "import ctypes, sys\n"
            f"ctypes.CDLL(None).prctl(15, {name!r})\n"
            "print(flush=True); sys.stdin.read()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.communicate(b"")


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        (b"with space", "with space"),
        (b"two\nlines", "two\nlines"),
        (b"a) S 1 (b", "a) S 1 (b"),
        (b'it\'s "so"', 'it\'s "so"'),
        (b"caf\xe9", "caf\\xe9"),
        ("señor".encode(), "señor"),
        (b"'; DROP TABLE", "'; DROP TABLE"),
        (b"<script>", "<script>"),
        (b"../../etc/pas", "../../etc/pas"),
        (b"kworker/0:1-x", "kworker/0:1-x"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        (b"back\\slash", "back\\slash"),
        (b"", ""),
    ],
)
def test_an_odd_name_is_reported_as_it_is(
    context: Context, named: Any, name: bytes, reported: str
) -> None:
    assert name_of(context, named(name)) == reported


def test_a_name_that_the_kernel_cut_is_completed_from_the_command_line(
    context: Context, tmp_path: Path
) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    program = tmp_path / 'a program with "quotes"\nand a long name'
    shutil.copy(sleep, program)
    with subprocess.Popen([str(program), "60"]) as process:
        try:
            wait_for(lambda: name_of(context, process.pid) == program.name)
        finally:
            process.kill()


def test_a_zombie_is_reported_with_its_name(context: Context) -> None:
    process = subprocess.Popen(["true"])
    try:
        wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        assert name_of(context, process.pid) == "true"
    finally:
        process.wait()


def test_what_is_read_is_what_psutil_tells(context: Context) -> None:
    ours = {entry["pid"]: entry for entry in processes.gather(context)["procesos"]}
    theirs = {entry["pid"]: entry for entry in processes.ask_psutil(context.usernames)}
    for pid in (os.getpid(), os.getppid(), 1):
        assert {**ours[pid], "inicio": None} == {**theirs[pid], "inicio": None}
    assert len(ours.keys() ^ theirs.keys()) < 20


def test_kernel_threads_are_reported_without_what_they_happen_to_do() -> None:
    kthread = processes.KERNEL_THREAD
    assert full_name(Stat(b"kworker/u8:3-events_unbound", kthread, 0), b"") == b"kworker/u8:3"
    assert full_name(Stat(b"kworker/1:0H+kblockd", kthread, 0), b"") == b"kworker/1:0H"
    assert full_name(Stat(b"kworker/R-rcu_gp", kthread, 0), b"") == b"kworker/R-rcu_gp"
    assert full_name(Stat(b"ksoftirqd/0", kthread, 0), b"") == b"ksoftirqd/0"
    assert full_name(Stat(b"kworker/0:1-evil", 0, 0), b"") == b"kworker/0:1-evil"


def test_a_command_line_that_does_not_begin_with_the_name_is_no_name() -> None:
    cut = Stat(b"fifteen letters", 0, 0)
    assert full_name(cut, b"/usr/bin/fifteen letters and more\0-x\0") == (
        b"fifteen letters and more"
    )
    assert full_name(cut, b"other\0fifteen letters and more") == b"fifteen letters"
    assert full_name(cut, b"") == b"fifteen letters"


def test_stat_is_parsed_whatever_the_name_holds() -> None:
    assert parse_stat(b"7 (a b) c)" + REST) == Stat(b"a b) c", 4194560, 8631)
    assert parse_stat(b"7 ()" + REST).name == b""


def test_a_name_can_not_forge_a_uid() -> None:
    status = b"Name:\tx\\nUid:\t0\nUmask:\t0022\nUid:\t1000\t0\t0\t0\n"
    assert parse_real_uid(status) == 1000


def fake_proc(folder: Path, count: int) -> Path:
    """A folder that looks like /proc with so many processes."""
    for pid in range(1, count + 1):
        entry = folder / str(pid)
        entry.mkdir(parents=True)
        (entry / "stat").write_bytes(b"%d (worker)" % pid + REST)
        (entry / "status").write_bytes(b"Name:\tworker\nUid:\t0\t0\t0\t0\n")
    return folder


def test_thousands_of_processes_are_all_read(context: Context, tmp_path: Path) -> None:
    reading = processes.read_processes(context, str(fake_proc(tmp_path / "proc", 4000)))
    assert [process.pid for process in reading.processes] == list(range(1, 4001))


def test_a_process_that_vanishes_while_it_is_read_is_skipped_and_counted(
    context: Context, tmp_path: Path
) -> None:
    proc = fake_proc(tmp_path / "proc", 3)
    (proc / "2" / "status").unlink()
    (proc / "3" / "stat").write_bytes(b"")
    reading = processes.read_processes(context, str(proc))
    assert [process.pid for process in reading.processes] == [1]
    assert reading.vanished == 2


def test_a_shortage_of_files_makes_the_list_unknown_and_not_empty(context: Context) -> None:
    with no_files_left(but=1), pytest.raises(OSError, match="Too many open files"):
        processes.gather(context)


@contextmanager
def no_files_left(but: int) -> Iterator[None]:
    """Let this process open so many files more, until the end."""
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + but, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_processes_that_come_and_go_meanwhile_never_fail_a_report(context: Context) -> None:
    script = "while :; do /bin/true & done"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as churn:
        try:
            for _ in range(5):
                assert entry_of(context, os.getpid())
        finally:
            os.killpg(churn.pid, 9)


@pytest.mark.parametrize(
    ("options", "groups", "capabilities", "hidden"),
    [
        ({"rw"}, {1000}, 0, False),
        ({"hidepid=0"}, {1000}, 0, False),
        ({"hidepid=2"}, {1000}, 0, True),
        ({"hidepid=invisible"}, {1000}, 0, True),
        ({"hidepid=1"}, {1000}, 0, True),
        ({"hidepid=2", "gid=27"}, {1000, 27}, 0, False),
        ({"hidepid=2", "gid=27"}, {0}, 0, True),
        ({"hidepid=2"}, {0}, 0, False),
        ({"hidepid=ptraceable"}, {0}, 0, True),
        ({"hidepid=2"}, {1000}, 1 << 19, False),
    ],
)
def test_hidepid_hides_from_whom_the_kernel_says(
    options: set[str], groups: set[int], capabilities: int, *, hidden: bool
) -> None:
    reason = why_hidden(options, groups, capabilities)
    assert bool(reason) is hidden
    assert ("gid=" in reason) is (hidden and "hidepid=ptraceable" not in options)


def test_the_last_mount_on_a_folder_counts() -> None:
    mounts = "proc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\nproc /proc proc rw,hidepid=2 0 0\n"
    assert mount_options(mounts) == {"rw", "hidepid=2"}


def test_capabilities_are_read_from_status() -> None:
    assert parse_capabilities("Name:\tx\nCapEff:\t0000000000080000\n") == 1 << 19
    assert parse_capabilities("Name:\tx\n") == 0


def test_processes_that_may_not_be_looked_at_make_the_list_unknown(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = processes.Reading([processes.Process(1, b"init", 0, 0)], 0, 5)
    monkeypatch.setattr(processes, "read_processes", lambda _: reading)
    monkeypatch.setattr(processes, "read_why_hidden", lambda: "")
    with pytest.raises(CannotTellError, match="5 procesos"):
        processes.gather(context)


@needs_namespaces
@pytest.mark.parametrize("hidepid", ["1", "2"])
def test_with_hidepid_the_list_is_unknown_and_says_why(agent: AgentRunner, hidepid: str) -> None:
    agent.folder.chmod(0o777)
    for parent in list(agent.folder.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    script = (
        f"mount -t proc -o hidepid={hidepid} proc /proc && "
        'exec setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"'
    )
    copy = agent.folder / "agente"
    shutil.copytree(Path(processes.__file__).parents[1], copy, ignore=ignore_state)
    own = ["--state", str(agent.folder / "suyo"), "--print"]
    site = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, str(copy / "agente.py"), *own],
        capture_output=True,
        check=False,
        text=True,
        env=agent.environment(),
    )
    if "can't open file" in site.stderr or "Permission denied" in site.stderr:
        pytest.skip("the test's Python can't be run by another user")
    assert '"procesos": []' in site.stdout
    assert f"hidepid={'noaccess' if hidepid == '1' else 'invisible'}" in site.stdout


def ignore_state(_: str, names: list[str]) -> set[str]:
    """What of agente/ is not copied to a server."""
    return {name for name in names if name in {"estado", "__pycache__"}}


def test_a_user_id_without_a_name_is_reported_as_its_number(context: Context) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to run a process as a user without a name")
    with subprocess.Popen(["sleep", "60"], user=3_000_017_000 % 2**31) as process:
        try:
            entry = entry_of(context, process.pid)
            assert entry
            assert entry["username"] == str(3_000_017_000 % 2**31)
        finally:
            process.kill()
