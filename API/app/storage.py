"""The storage folder: one collector's at a time."""

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path
from typing import IO, Any

from API.app.settings import Settings
from createDB.engine import is_postgresql

NAME = "nombre"
"""The file with the collector's own name; a folder that is copied for another goes without it."""


class StorageInUseError(Exception):
    """Another collector works on this storage folder; the message says which."""


def lock_storage(folder: Path, wait_s: float = 0) -> IO[str]:
    """Take the storage folder for this process; closing what is returned gives it back.

    Args:
        folder: is made where it is missing.
        wait_s: how long to wait for another process to give it back, in seconds.

    Raises:
        StorageInUseError: another process has it.
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    file = (folder / ".lock").open("a+", encoding="ascii")
    if not _locked(file, wait_s):
        file.seek(0)
        owner = file.read().strip() or "?"
        file.close()
        raise StorageInUseError(f"{folder}: la usa otro colector (proceso {owner})")
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def lock_database(path: Path, wait_s: float = 0) -> IO[bytes]:
    """Take the database for this process, as `lock_storage` takes the folder.

    The lock is flock's, which SQLite does not use; it ends with the process. What is returned must
    stay open as long as this process uses the database: to close any descriptor of the file lets go
    of SQLite's own locks on it (https://sqlite.org/howtocorrupt.html#posix_close_bug).

    Raises:
        StorageInUseError: another collector has it.
        OSError: it cannot be read.
    """
    file = path.open("rb")
    if not _locked(file, wait_s):
        file.close()
        raise StorageInUseError(f"{path}: la usa otro colector, con otra carpeta")
    return file


def owner_of(settings: Settings) -> str:
    """Give the name by which the collector's log is known in its database; "" where it needs none.

    A database of SQLite is one collector's alone.
    """
    return known_name(settings.storage) if is_postgresql(settings.database) else ""


def own_name(folder: Path) -> str:
    """Give the name that tells the collector of a folder from others that share its database.

    It is made once, and stays in the folder; whoever calls has the folder's lock.
    """
    file = folder / NAME
    if not file.exists():
        partial = file.with_name(f".{NAME}.parcial")
        partial.write_text(f"{socket.gethostname()}-{secrets.token_hex(4)}\n", encoding="utf-8")
        partial.rename(file)
    return known_name(folder)


def known_name(folder: Path) -> str:
    """Give the name that `own_name` has made in a folder; "" where it has made none."""
    file = folder / NAME
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def _locked(file: IO[Any], wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        else:
            return True
