"""The JSON log: every report as it was received, one line each, one file per UTC day.

A line is `{"recibido": ..., "id_serv": ..., "id_reporte": ..., "reporte": {...}}`; `id_serv` is
null where the report came while the database, which gives the numbers, was away. Files of past
days are compressed. Only the writer appends; anybody may read.
"""

import contextlib
import gzip
import os
import re
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, NamedTuple, cast

import msgspec

FILE_MODE = 0o640
_NAME = re.compile(r"reportes-\d{4}-\d\d-\d\d\.jsonl(\.gz)?")


class Line(msgspec.Struct):
    """One line of the log; `reporte` is the JSON text of the report."""

    recibido: datetime
    id_serv: int | None
    id_reporte: str
    reporte: msgspec.Raw


class DamagedLineError(Exception):
    """A line of the log is not one; the message names file, line and reason."""


class Mark(NamedTuple):
    """A place in the log: `size` bytes of the file that the database knows as `name`."""

    name: str
    size: int


@dataclass(slots=True)
class _OpenFile:
    """The file being appended to, and how many of its bytes count."""

    name: str
    descriptor: int
    size: int


class Journal:
    """Appends to the JSON log in `folder`; the writer's own, but for the archiver's `replace`."""

    def __init__(self, folder: Path, owner: str = "") -> None:
        """Make the folder where it is missing.

        Args:
            folder: of the log.
            owner: the collector's own name, where several share a database; "" where none does.
        """
        self.folder = folder
        self.owner = owner
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._file: _OpenFile | None = None
        self._doubtful = False

    def known_as(self, name: str) -> str:
        """Give the name by which the database knows a file of this log."""
        return f"{self.owner}/{name}" if self.owner else name

    def ends_at(self, mark: Mark) -> bool:
        """Tell whether nothing was appended after `mark`, which is in the file last appended to."""
        with self._lock:
            file = self._file
            return file is not None and Mark(self.known_as(file.name), file.size) == mark

    def append(self, day: date, lines: Iterable[bytes]) -> tuple[Mark, Mark]:
        """Append `lines` (each with its line feed) to the file of `day` and fsync it.

        Returns:
            the places before and after; the first is what `cut` takes.

        Raises:
            OSError: nothing was appended.
        """
        with self._lock:
            file = self._open(f"reportes-{day.isoformat()}.jsonl")
            before = Mark(self.known_as(file.name), file.size)
            try:
                _write_all(file.descriptor, b"".join(lines))
                os.fsync(file.descriptor)
            except OSError:
                self._cut(file, before.size)
                raise
            file.size = os.fstat(file.descriptor).st_size
            return before, Mark(before.name, file.size)

    def cut(self, mark: Mark) -> None:
        """Take back what was appended after `mark`, which is in the file last appended to.

        Where the disk refuses even that, the next `append` tries again before it writes: no line
        that was taken back is left in front of a new one.
        """
        with self._lock:
            if self._file is None or self.known_as(self._file.name) != mark.name:
                raise ValueError(f"{mark.name} is not the file that was appended to")
            self._cut(self._file, mark.size)

    def replace(self, path: Path, size: int, packed: Path, target: Path) -> bool:
        """Let `packed`, made from the first `size` bytes of `path`, take its place as `target`.

        Returns:
            whether it did; not where `path` has grown meanwhile.
        """
        with self._lock:
            if path.stat().st_size != size:
                return False
            if self._file and self._file.name == path.name:
                self._close()
            packed.rename(target)
            sync_folder(self.folder)
            path.unlink()
            return True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file:
            os.close(self._file.descriptor)
            self._file = None

    def _cut(self, file: _OpenFile, size: int) -> None:
        file.size = size
        self._doubtful = True
        with contextlib.suppress(OSError):
            self._truncate(file)

    def _open(self, name: str) -> _OpenFile:
        if self._file and self._doubtful:
            self._truncate(self._file)
        if self._file and self._file.name == name:
            return self._file
        self._close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.folder / name, flags, FILE_MODE)
        try:
            sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            raise
        self._file = _OpenFile(name, descriptor, os.fstat(descriptor).st_size)
        return self._file

    def _truncate(self, file: _OpenFile) -> None:
        os.ftruncate(file.descriptor, file.size)
        os.fsync(file.descriptor)
        self._doubtful = False


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def format_line(recibido: str, id_serv: int | None, id_reporte: str, body: bytes) -> bytes:
    """Put one line together.

    Args:
        recibido: ISO 8601 with offset.
        id_serv: number of the report; None where it has none yet.
        id_reporte: identity of the report.
        body: JSON text of the report, already known to be valid. Line breaks in it can only stand
            between its tokens (RFC 8259, section 7), where a space means the same.
    """
    if b"\n" in body or b"\r" in body:
        body = body.replace(b"\n", b" ").replace(b"\r", b" ")
    return b'{"recibido":"%b","id_serv":%b,"id_reporte":"%b","reporte":%b}\n' % (
        recibido.encode(),
        b"null" if id_serv is None else b"%d" % id_serv,
        id_reporte.encode(),
        body.strip(),
    )


def journal_files(folder: Path) -> list[Path]:
    """List the files of the log in `folder`, oldest day first."""
    return sorted(path for path in folder.glob("reportes-*") if _NAME.fullmatch(path.name))


def day_of(name: str) -> str:
    """Give the UTC day, as in 2026-11-20, of a file of the log."""
    return name.removeprefix("reportes-")[:10]


_line_decoder = msgspec.json.Decoder(Line)


def read_lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Give the complete lines of the file `path`, each with the position just after it.

    Args:
        path: a file of the log, compressed or not.
        start: where to begin, in bytes of the uncompressed text.

    Raises:
        DamagedLineError: the rest of a compressed file cannot be read.
    """
    with open_log(path) as file:
        position = start
        try:
            file.seek(start)
            for text in file:
                position += len(text)
                if text.endswith(b"\n"):
                    yield position, text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedLineError(f"{path.name}, after byte {position}: {error}") from None


def parse_line(text: bytes, where: str) -> Line:
    """Read one line.

    Raises:
        DamagedLineError: it is not a line of the log; the message begins with `where`.
    """
    try:
        return _line_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedLineError(f"{where}: {error}") from None


def open_log(path: Path) -> IO[bytes]:
    """Open a file of the log for reading, compressed or not."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
