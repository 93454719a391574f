"""Removes files of the JSON log whose day is past retention, one by one."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from API.app.ingest.journal import day_of, journal_files, sync_folder
from API.app.ingest.retention import Limits, first_day_kept

log = structlog.get_logger()


def old_files(folder: Path, limits: Limits, positions: Mapping[str, int]) -> list[Path]:
    """List the files of days before those that are kept, oldest first.

    Args:
        folder: of the log.
        limits: as they are planned.
        positions: up to where each file is in the database (`bitacoras`). A file with more
            is left alone: a database that was restored from a copy may need it.
    """
    first = first_day_kept(limits)
    return [
        path
        for path in journal_files(folder)
        if day_of(path.name) < first and _imported(path, positions)
    ]


def remove_files(paths: list[Path], removed: Callable[[Path], object]) -> None:
    """Remove files; each is gone for good before `removed` hears of it."""
    for path in paths:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        log.info("log file removed", file=path.name)
        removed(path)


def _imported(path: Path, positions: Mapping[str, int]) -> bool:
    if path.suffix != ".gz":
        return path.stat().st_size <= positions.get(path.name, 0)
    plain = positions.get(path.name.removesuffix(".gz"))
    if positions.get(path.name) == path.stat().st_size:
        return True
    return plain is not None and plain % (1 << 32) == _length(path)


def _length(packed: Path) -> int:
    """Tell how long the text of a compressed file is: what its last four bytes say (RFC 1952)."""
    with packed.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")
