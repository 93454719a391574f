"""Reads the JSON log in bounded pieces, as pandas frames, under a progress bar."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from tqdm import tqdm

from API.app.ingest.entry import Entry, entry_from_line
from API.app.ingest.journal import DamagedLineError, journal_files, parse_line, read_lines
from API.app.report import InvalidReportError
from createDB.engine import unusable
from createDB.errors import DatabaseUnusableError

CHUNK = 500
"""Reports in one frame: with 200 processes each, some tens of MiB."""

NAMED = 20
"""Damaged lines that are named; the rest are counted."""

MAX_ID = 2**63 - 1

NO_NUMBER = 0


class Row(NamedTuple):
    """One report of the log; a frame has these columns."""

    id_serv: int
    """`NO_NUMBER` of what came while the database was away, which numbered it later."""
    id_agente: str
    id_reporte: str
    where: str
    """File and line number."""
    entry: Entry


@dataclass
class LogReader:
    """What is in the JSON log of a folder, and what was wrong with it."""

    folder: Path
    title: str
    damaged: int = 0
    complaints: list[str] = field(default_factory=list)
    reports: int = 0
    limits: dict[Path, int | None] = field(default_factory=dict)
    """Where reading stops, in bytes of each file; None at its end."""

    def __post_init__(self) -> None:
        """Take the files that there are now."""
        self.take_files()

    def take_files(self) -> None:
        """Take the files that there are now, each up to its size of now.

        Raises:
            DatabaseUnusableError: there is no such folder, or it can't be read.
        """
        try:
            if not self.folder.is_dir():
                raise DatabaseUnusableError(f"{self.folder}: no existe tal carpeta de la bitácora")
            for path in journal_files(self.folder):
                self.limits[path] = None if path.suffix == ".gz" else path.stat().st_size
        except OSError as error:
            raise unusable(error, self.folder) from error

    def frames(self) -> Iterator[pd.DataFrame]:
        """Give the reports, in the log's order, some at a time; damaged lines are set aside.

        Raises:
            DatabaseUnusableError: a file can't be read.
        """
        total = sum(_plain_size(path, limit) for path, limit in self.limits.items())
        bar: tqdm[Any] = tqdm(total=total, desc=self.title, unit="B", unit_scale=True, disable=None)
        with bar:
            rows = (row for path in self.limits for row in self._rows(path, bar))
            while chunk := list(islice(rows, CHUNK)):
                self.reports += len(chunk)
                yield pd.DataFrame(chunk, columns=list(Row._fields))

    def positions(self) -> Iterator[tuple[str, int]]:
        """Give each file's name and up to where it was read, as `bitacoras` keeps it."""
        for path, limit in self.limits.items():
            if path.suffix == ".gz":
                yield path.name, path.stat().st_size
            else:
                yield path.name, limit or 0

    def _rows(self, path: Path, bar: "tqdm[Any]") -> Iterator[Row]:
        seen, limit = 0, self.limits[path]
        try:
            for number, (position, text) in enumerate(read_lines(_present(path)), 1):
                if limit is not None and position > limit:
                    break
                bar.update(position - seen)
                seen = position
                yield from self._row(text, f"{path.name}, línea {number}")
        except DamagedLineError as error:
            self._complain(str(error))
        except OSError as error:
            raise unusable(error, path) from error
        self.limits[path] = seen

    def _row(self, text: bytes, where: str) -> Iterator[Row]:
        try:
            line = parse_line(text, where)
            entry = entry_from_line(line)
        except DamagedLineError as error:
            return self._complain(str(error))
        except (InvalidReportError, OverflowError) as error:
            return self._complain(f"{where}: {error}")
        if line.id_serv is not None and not 0 < line.id_serv <= MAX_ID:
            return self._complain(f"{where}: id_serv {line.id_serv} no es un número de reporte")
        yield Row(line.id_serv or NO_NUMBER, entry.id_agente, entry.id_reporte, where, entry)

    def _complain(self, line: str) -> None:
        self.damaged += 1
        if len(self.complaints) < NAMED:
            self.complaints.append(line)


def _present(path: Path) -> Path:
    """Give `path`, or the compressed file that has taken its place meanwhile."""
    packed = path.with_name(path.name + ".gz")
    return path if path.exists() or not packed.exists() else packed


def _plain_size(path: Path, limit: int | None) -> int:
    """Tell how long a file is when it is unpacked: for gzip, what its last four bytes say."""
    if limit is not None:
        return limit
    try:
        with path.open("rb") as file:
            file.seek(-4, 2)
            return int.from_bytes(file.read(), "little")
    except (OSError, gzip.BadGzipFile):
        return 0
