"""What is stored is closed to other users of the machine: folders 0750, files 0640, one group.

A start takes away what is more than that and says so in the log: a copy that was unpacked, or a
file that another program made, may be open to all. Where it may not, it does not start.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import structlog

log = structlog.get_logger()

UMASK = 0o027
FOLDER, FILE = 0o750, 0o640
INHERIT = stat.S_ISGID
"""On a folder: what is made in it belongs to the folder's group (inode(7))."""

COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What stands beside a database's name in those of the files that SQLite makes."""


class AtRestError(Exception):
    """Something that is stored cannot be closed to others; the message says what."""


def protect(storage: Path, database: Path | None, group: int | None) -> None:
    """Close the storage folder and the database to others, and give them to `group`.

    Args:
        storage: everything in it is the collector's.
        database: its file, which may lie elsewhere; then the folder it is in is left alone. None
            where it is none of this machine's.
        group: of those who may read both; None leaves it as it is.

    Raises:
        AtRestError: something belongs to somebody else, or the group is not one of ours.
    """
    for path in _everything(storage, database):
        try:
            _protect(path, group)
        except FileNotFoundError:
            continue  # a -wal that went away meanwhile
        except PermissionError:
            raise AtRestError(f"{path}: {_reason(path, group)}") from None


def _everything(storage: Path, database: Path | None) -> Iterator[Path]:
    yield storage
    for folder, folders, files in os.walk(storage):
        yield from (Path(folder) / name for name in (*folders, *files))
    if database and not database.is_relative_to(storage):
        beside = (database.with_name(database.name + suffix) for suffix in COMPANIONS)
        yield from (path for path in beside if path.exists())


def _protect(path: Path, group: int | None) -> None:
    found = path.lstat()
    is_folder = stat.S_ISDIR(found.st_mode)
    if not (is_folder or stat.S_ISREG(found.st_mode)):
        return
    if group is not None and found.st_gid != group:
        os.chown(path, -1, group, follow_symlinks=False)
    mode = stat.S_IMODE(found.st_mode)
    wanted = mode & (FOLDER | INHERIT if is_folder else FILE)
    if is_folder and group is not None:
        wanted |= INHERIT
    if mode & 0o777 & ~wanted:
        log.warning("was open to others; closed", path=str(path), mode=f"{mode:04o}")
    if mode != wanted:
        path.chmod(wanted)


def _reason(path: Path, group: int | None) -> str:
    if path.lstat().st_uid != os.geteuid():
        return "es de otro usuario, así que no se puede cerrar a los demás"
    return f"no se puede dar al grupo {group}: este usuario no está en él"
