"""Who is logged in: 'nobody' and 'unknown' are different answers."""

import json
import os
import struct
from pathlib import Path

import pytest
from collectors import sessions
from collectors.context import CannotTellError
from collectors.sessions import Session, parse_loginctl, parse_session, read_sessions

from tests.agente.conftest import AgentRunner, needs_namespaces

LOGIND = """\
# This is private data. Do not parse.
UID=1000
USER=juan
ACTIVE=1
STATE=active
REMOTE=1
TYPE=tty
CLASS=user
LEADER={leader}
"""


def logind(folder: Path, **files: str) -> Path:
    """A folder as logind keeps it while it runs."""
    (folder / "seats").mkdir()
    (folder / "seats" / "seat0").write_text("")
    (folder / "sessions").mkdir()
    for name, text in files.items():
        (folder / "sessions" / name).write_text(text)
    return folder


def test_a_session_of_logind_is_somebody_logged_in() -> None:
    assert parse_session(LOGIND.format(leader=829)) == Session("juan", 829)


@pytest.mark.parametrize(
    "changes",
    [
        ("CLASS=user", "CLASS=greeter"),
        ("CLASS=user", "CLASS=lock-screen"),
        ("CLASS=user", "CLASS=background"),
        ("CLASS=user", "CLASS=manager"),
        ("STATE=active", "STATE=closing"),
        ("USER=juan", "X=1"),
    ],
)
def test_what_is_no_person_logged_in_is_not_reported(changes: tuple[str, str]) -> None:
    text = LOGIND.replace(*changes).replace("UID=1000\n", "")
    assert parse_session(text) is None


def test_a_user_without_a_name_is_its_number_and_a_leader_may_be_unknown() -> None:
    assert parse_session("UID=1007\nCLASS=user\nSTATE=online\n") == Session("1007", None)


def test_without_utmp_logind_answers(tmp_path: Path) -> None:
    folder = logind(tmp_path, c1=LOGIND.format(leader=os.getpid()), c2=LOGIND.format(leader=2**30))
    assert read_sessions(tmp_path / "utmp", folder) == [Session("juan", os.getpid())]


def test_logind_without_sessions_means_nobody(tmp_path: Path) -> None:
    assert read_sessions(tmp_path / "utmp", logind(tmp_path)) == []


@pytest.mark.parametrize("leftover", [True, False])
def test_without_utmp_and_logind_it_is_unknown(tmp_path: Path, *, leftover: bool) -> None:
    if leftover:  # as images of containers have them
        (tmp_path / "sessions").mkdir()
        (tmp_path / "seats").mkdir()
        (tmp_path / "utmp").write_bytes(b"")
    with pytest.raises(CannotTellError):
        read_sessions(tmp_path / "utmp", tmp_path)


def test_where_logind_files_may_not_be_read_loginctl_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[Session]:
        raise PermissionError

    monkeypatch.setattr(sessions, "from_logind_files", refuse)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "loginctl"
    program.write_text(
        '#!/bin/sh\necho \'[{"session":"1","uid":1000,"user":"ana","seat":null}]\'\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    assert read_sessions(tmp_path / "utmp", logind(tmp_path)) == [Session("ana", None)]
    program.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(CannotTellError):
        read_sessions(tmp_path / "utmp", tmp_path)


def test_loginctl_is_parsed() -> None:
    text = json.dumps(
        [
            {"user": "ana", "class": "user", "leader": 7},
            {"user": "gdm", "class": "greeter", "leader": 8},
        ]
    )
    assert parse_loginctl(text) == [Session("ana", 7)]
    with pytest.raises(ValueError, match="lista"):
        parse_loginctl("{}")


def utmp_record(kind: int, pid: int, user: bytes) -> bytes:
    """A record of utmp on x86-64 (utmp(5))."""
    return struct.pack(
        "<h2xi32s4s32s256shhiii16s20x", kind, pid, b"pts/0", b"ts/0", user, b"", 0, 0, 0, 0, 0, b""
    )


needs_x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="utmp's layout is x86-64's")


def with_utmp(agent: AgentRunner, *records: bytes) -> tuple[list[object], dict[str, str]]:
    """What the agent says of the sessions where utmp holds these records."""
    utmp = agent.folder / "utmp"
    utmp.write_bytes(b"".join(records))
    script = f'mount -t tmpfs tmpfs /run && cp {utmp} /run/utmp && exec "$@"'
    report = agent.printed(prefix=("unshare", "-m", "sh", "-c", script, "sh"))
    return report["usuarios_activos"], report["errores"]


@needs_namespaces
@needs_x86
def test_with_utmp_its_sessions_are_reported_and_stale_ones_are_not(agent: AgentRunner) -> None:
    boot = utmp_record(2, 0, b"reboot")
    mine = utmp_record(7, os.getpid(), b"caf\xe9")
    found, errors = with_utmp(agent, boot, mine, utmp_record(7, 2**30, b"ido"))
    assert found == [{"pid": os.getpid(), "name": "caf\\xe9"}]
    assert "usuarios_activos" not in errors


@needs_namespaces
@needs_x86
def test_with_utmp_and_nobody_in_it_nobody_is_logged_in(agent: AgentRunner) -> None:
    assert with_utmp(agent, utmp_record(2, 0, b"reboot"))[0] == []
    assert "usuarios_activos" not in with_utmp(agent, utmp_record(2, 0, b"reboot"))[1]


@needs_namespaces
def test_with_an_empty_utmp_and_no_logind_sessions_are_unknown(agent: AgentRunner) -> None:
    found, errors = with_utmp(agent)
    assert found == []
    assert "ni logind" in errors["usuarios_activos"]
