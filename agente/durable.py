"""Writing files that a crash or a power cut leaves whole: the old content or the new one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp"


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk: a rename is not there before its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """Make data the content of path, readable by its owner only, at once or not at all.

    Raises OSError, and leaves neither a part of the file nor the temporary one.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a folder for oneself among those that ask (flock(2)); waits for its turn."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def clean_temporaries(folder: Path) -> int:
    """Remove what writers that were killed left half-written in folder; return how many."""
    left = [path for path in folder.iterdir() if path.match(f".*{TEMPORARY}")]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
