"""Compresses the JSON log of past days; safe to be killed at any moment."""

import gzip
import os
import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from API.app.ingest.journal import FILE_MODE, Journal

log = structlog.get_logger()

SETTLED = timedelta(minutes=10)
"""How long after its end a day is left alone: the last batch may still be on its way."""

PERIOD_S = 60.0

_NAME = re.compile(r"reportes-(\d{4}-\d\d-\d\d)\.jsonl")


class Archiver:
    """A thread that compresses each day's log when the day is over."""

    def __init__(self, journal: Journal, is_wanted: Callable[[], bool]) -> None:
        """Start it.

        Args:
            journal: the log.
            is_wanted: tells whether files of past days are still to be read line by line.
        """
        self._journal, self._is_wanted = journal, is_wanted
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="archiver", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the file at hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            for path in past_days(self._journal.folder, datetime.now(UTC)):
                if self._stop.is_set():
                    return
                if self._is_wanted():
                    break
                try:
                    archive(self._journal, path)
                except Exception as error:  # noqa: BLE001 - one file must not stop the others
                    log.warning("cannot compress the log", file=path.name, reason=repr(error))
            if self._stop.wait(PERIOD_S):
                return


def past_days(folder: Path, now: datetime) -> list[Path]:
    """List the uncompressed files of days that are over at `now` (UTC), oldest first."""
    today = (now - SETTLED).date().isoformat()
    return sorted(
        path
        for path in folder.glob("reportes-*.jsonl")
        if (match := _NAME.fullmatch(path.name)) and match[1] < today
    )


def archive(journal: Journal, path: Path) -> None:
    """Turn `path` into `path`.gz.

    Where that exists already, because the clock was set back after it was made, its content stays
    in front. It exists too when a run was killed just before it removed `path`: then its end is
    `path`, and all that is left to do is to remove that.
    """
    target = path.with_name(path.name + ".gz")
    if target.exists() and _ends_with(target, path):
        path.unlink()
        return
    size = path.stat().st_size
    packed = target.with_name(target.name + ".tmp")
    _pack(path, size, target, packed)
    if not journal.replace(path, size, packed, target):
        packed.unlink()


def _pack(plain: Path, size: int, old: Path, packed: Path) -> None:
    """Write into `packed` what `old` holds, if it exists, and then `size` bytes of `plain`."""
    with packed.open("wb") as out:
        os.fchmod(out.fileno(), FILE_MODE)
        if old.exists():
            with old.open("rb") as before:
                shutil.copyfileobj(before, out)
        with plain.open("rb") as source, gzip.open(out, "wb", compresslevel=6) as member:
            while size and (chunk := source.read(min(size, 1 << 20))):
                member.write(chunk)
                size -= len(chunk)
        out.flush()
        os.fsync(out.fileno())


def _ends_with(packed: Path, plain: Path) -> bool:
    """Tell whether the text in `packed` ends with the whole of `plain`."""
    tail = plain.stat().st_size
    with gzip.open(packed) as left, plain.open("rb") as right:
        start = left.seek(0, os.SEEK_END) - tail
        if start < 0:
            return False
        left.seek(start)
        while chunk := right.read(1 << 20):
            if left.read(len(chunk)) != chunk:
                return False
    return True
