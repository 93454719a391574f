"""Writes consistent copies of a database, also of one in use."""

import errno
import glob
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import URL
from tqdm import tqdm

from createDB.engine import database_path, is_postgresql, unusable
from createDB.errors import DatabaseUnusableError

PAGES = 2_000
"""Copied at a time, between two looks at the progress bar."""

FILE_MODE = 0o640

BEFORE = "antes-de-"
"""Begins what is added to the name of a copy that is made before something is done."""

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links answer (vfat, some network shares)."""


def snapshot(url: URL, target: Path, *, owner: str = "", progress: bool = True) -> None:
    """Write a copy of the database of `url` to `target`, all of one moment, and check it.

    It is a file of SQLite, also where the database is PostgreSQL's.

    Args:
        url: of the database.
        target: the file to write.
        owner: the name by which PostgreSQL knows the collector that may go on with the copy.
        progress: whether to show how far it has come.

    Under `target` there is nothing until the copy is whole and on disk.

    Raises:
        DatabaseUnusableError: the copy could not be made, or `target` exists.
    """
    partial = target.with_name(f".{target.name}.parcial-{os.getpid()}")
    try:
        if target.exists() or target.is_symlink():
            raise DatabaseUnusableError(f"{target}: ya existe y no se sobrescribe")
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        if is_postgresql(url):
            from createDB.moving.back import write_file  # psycopg, which SQLite needs not

            write_file(url, partial, owner, progress=progress)
        else:
            _copy(url, partial, progress)
        _require_intact(partial)
        publish(partial, target)
    except sqlite3.Error as error:
        raise unusable(error, target if is_postgresql(url) else database_path(url)) from error
    except OSError as error:
        raise unusable(error, target) from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                partial.with_name(partial.name + suffix).unlink()


def safety_copy(url: URL, before: str) -> Path:
    """Copy the database of `url` beside itself before something is done to it; give the copy.

    Whoever calls this is the only one to do so in that folder, and may be inside a transaction: the
    copy is of what was before it.

    Args:
        url: of a database.
        before: what is about to be done, in a word for the copy's name.

    Raises:
        DatabaseUnusableError: the copy could not be made.
    """
    path = database_path(url)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{BEFORE}*.parcial-*"):
        left.unlink()  # of a run that was killed
    require_room(url)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    copy = path.with_name(f"{path.name}.{BEFORE}{before}-{moment}")
    snapshot(url, copy)
    return copy


def require_room(url: URL) -> None:
    """Make sure that there is room for a copy beside the database of `url`.

    Raises:
        DatabaseUnusableError: there is not.
    """
    path = database_path(url)
    try:
        needed, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    except OSError as error:
        raise unusable(error, path) from error
    if free < needed:
        raise DatabaseUnusableError(
            f"{path.parent}: no queda espacio en el disco para una copia: "
            f"se necesitan {needed >> 20} MiB y hay {free >> 20} libres"
        )


def publish(partial: Path, target: Path) -> None:
    """Give the finished file `partial` its name `target`, for good, unless that is taken.

    Raises:
        DatabaseUnusableError: `target` was made meanwhile.
        OSError: the disk refuses.
    """
    sync(partial, os.O_RDONLY)
    for suffix in ("-wal", "-journal"):
        left = target.with_name(target.name + suffix)
        if left.exists():  # SQLite would replay it into the new file
            raise DatabaseUnusableError(f"{left}: es de otra base de datos; muévalo antes")
    try:
        target.hardlink_to(partial)
    except OSError as error:
        if target.exists():
            raise DatabaseUnusableError(f"{target}: ya existe y no se sobrescribe") from None
        if error.errno not in NO_LINKS:
            raise
        partial.rename(target)
    partial.unlink(missing_ok=True)
    sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)


def _copy(url: URL, target: Path, progress: bool) -> None:
    source = f"{database_path(url).as_uri()}?mode=rw"
    bar = tqdm(desc="copia", unit="pág", disable=None if progress else True)

    def report(_status: int, remaining: int, total: int) -> None:
        bar.total = total
        bar.update(total - remaining - bar.n)

    with (
        bar,
        closing(sqlite3.connect(source, uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        # Inside a read transaction the source stands still: a copy of a busy database that is
        # taken piece by piece would otherwise begin anew at every change.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new, pages=PAGES, progress=report)
        new.execute("PRAGMA journal_mode = DELETE")


def _require_intact(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise DatabaseUnusableError(f"{path.name}: la copia no está íntegra: {found}")


def sync(path: Path, flags: int) -> None:
    """Have the disk keep what was done to a file or folder, opened with `flags`."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
