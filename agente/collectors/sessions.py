"""Who is logged in: utmp where somebody keeps it, else logind's files, else nobody can tell."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from collectors.context import CannotTellError, Context
from report import clean_text

UTMP = Path("/var/run/utmp")  # the path that the C library reads (utmp(5))
LOGIND = Path("/run/systemd")
PATIENCE = 10.0


class Session(NamedTuple):
    """Somebody who is logged in; pid of the session's first process, None where unknown."""

    name: str
    pid: int | None


def is_alive(pid: int) -> bool:
    """Tell whether there is a process of that number, anybody's (kill(2))."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def parse_session(text: str) -> Session | None:
    """Return who logged in from a file of /run/systemd/sessions, None for no person's session.

    KEY=VALUE lines, as sd_session_get_class(3) and its kin read them. Greeters, lock screens,
    background jobs and the users' service managers are no log-ins (pam_systemd(8), class=), and
    neither is a session that is closing: its first process is gone.
    """
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    kind = fields.get("CLASS", "user")
    if not (kind == "user" or kind.startswith("user-")) or fields.get("STATE") == "closing":
        return None
    leader = fields.get("LEADER", "")
    name = fields.get("USER") or fields.get("UID", "")
    return Session(clean_text(name), int(leader) if leader.isdigit() else None) if name else None


def parse_loginctl(text: str) -> list[Session]:
    """Return the sessions of ``loginctl list-sessions --output=json``. Raises ValueError."""
    sessions = json.loads(text)
    if not isinstance(sessions, list):
        raise ValueError("loginctl no da una lista")  # noqa: TRY004 - its output, not a bug
    return [
        Session(clean_text(str(entry["user"])), entry.get("leader") or None)
        for entry in sessions
        if str(entry.get("class", "user")).startswith("user") and entry.get("state") != "closing"
    ]


def utmp_is_kept(utmp: Path = UTMP) -> bool:
    """Tell whether somebody writes utmp: at boot it gets a record, so an empty one is a leftover.

    Images of containers carry an empty file, and Debian 13 has none at all.
    """
    try:
        with utmp.open("rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def from_utmp() -> list[Session]:
    """Return the sessions in utmp whose process still runs, as who(1) does."""
    import psutil

    users = [Session(clean_text(user.name), int(user.pid)) for user in psutil.users()]
    return [user for user in users if user.pid and is_alive(user.pid)]


def logind_is_there(folder: Path = LOGIND) -> bool:
    """Tell whether logind runs or ran in this boot: it writes seats/seat0 as it starts.

    The folders alone tell nothing: packages and images leave them behind.
    """
    if (folder / "seats" / "seat0").exists():
        return True
    try:
        return any((folder / "sessions").iterdir())
    except PermissionError:
        return True
    except OSError:
        return False


def from_logind_files(folder: Path = LOGIND) -> list[Session]:
    """Return logind's sessions. Raises PermissionError, OSError."""
    found = []
    for file in sorted((folder / "sessions").iterdir()):
        if file.name.startswith(".") or file.suffix == ".ref":
            continue
        try:
            text = file.read_bytes().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            continue  # closed while we looked
        session = parse_session(text)
        if session and (session.pid is None or is_alive(session.pid)):
            found.append(session)
    return found


def from_loginctl() -> list[Session]:
    """Ask loginctl, where its files may not be read. Raises CannotTellError."""
    import subprocess  # 8 ms, seldom needed

    try:
        run = subprocess.run(
            ["loginctl", "list-sessions", "--output=json"],  # noqa: S607 - found on PATH
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        return parse_loginctl(run.stdout.decode("utf-8", "backslashreplace"))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, AttributeError) as error:
        raise CannotTellError(f"no puedo leer {LOGIND}/sessions, y loginctl falla") from error


def read_sessions(utmp: Path = UTMP, logind: Path = LOGIND) -> list[Session]:
    """Return who is logged in, from the first source that knows. Raises CannotTellError."""
    if utmp_is_kept(utmp):
        return from_utmp()
    if not logind_is_there(logind):
        raise CannotTellError("nadie lleva la cuenta de las sesiones: no hay utmp ni logind")
    try:
        return from_logind_files(logind)
    except PermissionError:
        return from_loginctl()


def gather(_: Context) -> dict[str, list[dict[str, Any]]]:
    """Return who is logged in; [] means nobody, and nothing else does."""
    sessions = read_sessions()
    return {"usuarios_activos": [{"pid": s.pid, "name": s.name} for s in sessions]}
