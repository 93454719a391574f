"""Writes a report's file, and tells whether one that was written still says what the data say."""

import csv
import filecmp
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path

from API.app.auditing.audit import Audit
from API.app.auditing.page import write_html
from API.app.auditing.stamp import Stamp, StampError, stamp_from
from API.app.auditing.tables import write_csv, write_xlsx
from API.app.exports.cells import original
from createDB.snapshot import publish


class Format(StrEnum):
    """What a report's file may be; also the end of its name."""

    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"


_WRITE: dict[Format, Callable[[Audit, Stamp, Path], None]] = {
    Format.HTML: write_html,
    Format.CSV: write_csv,
    Format.XLSX: write_xlsx,
}


def write(audit: Audit, stamp: Stamp, form: Format, target: Path) -> None:
    """Write the file; under `target` there is nothing until it is whole and on disk.

    Raises:
        DatabaseUnusableError: `target` exists.
        OSError: the disk refuses.
    """
    with _beside(target) as partial:
        _WRITE[form](audit, stamp, partial)
        publish(partial, target)


def format_of(path: Path) -> Format | None:
    """Tell by its name what a file is; None where that does not say."""
    return next((form for form in Format if path.suffix.lower() == f".{form}"), None)


def stamp_of(path: Path) -> tuple[Format, Stamp]:
    """Read a file's stamp, and tell by its content what it is.

    Raises:
        StampError: it is no report.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(len(_BEGIN[Format.HTML]))
    form = next((form for form, begin in _BEGIN.items() if head.startswith(begin)), Format.CSV)
    try:
        return form, stamp_from(_READ[form](path))
    except (UnicodeDecodeError, csv.Error, KeyError, zipfile.BadZipFile):
        raise StampError(f"{path}: no es un informe de cumplimiento") from None


def is_same(audit: Audit, stamp: Stamp, form: Format, path: Path) -> bool:
    """Tell whether a file is, byte by byte, the one that would be made of these data."""
    with tempfile.TemporaryDirectory(prefix="informe-") as folder:
        again = Path(folder) / path.name
        _WRITE[form](audit, stamp, again)
        return filecmp.cmp(path, again, shallow=False)


FILE_MODE = 0o640
HEAD = 1 << 16
"""Characters of a file that a stamp is looked for in."""

_BEGIN = {Format.HTML: b"<!doctype", Format.XLSX: b"PK\x03\x04"}


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a file in the folder of `target`, which is gone afterwards unless it got its name."""
    partial = target.with_name(f".{target.name}.parcial-{os.getpid()}")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


class _Marks(HTMLParser):
    """Collects what a page's `meta`, or a workbook's `property`, says under a name."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "meta":
            self.texts[name.removeprefix("informe:")] = given.get("content") or ""
        elif tag == "property":
            self._name = name
            self.texts[name] = ""

    def handle_data(self, data: str) -> None:
        if self._name:
            self.texts[self._name] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "property":
            self._name = ""


def _marks(text: str) -> Mapping[str, str]:
    parser = _Marks()
    parser.feed(text)
    return parser.texts


def _read_html(path: Path) -> Mapping[str, str]:
    with path.open(encoding="utf-8") as file:
        return _marks(file.read(HEAD))


def _read_csv(path: Path) -> Mapping[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file), {})
    return {name: original(text or "") for name, text in row.items() if isinstance(name, str)}


def _read_xlsx(path: Path) -> Mapping[str, str]:
    with zipfile.ZipFile(path) as archive, archive.open("docProps/custom.xml") as file:
        return _marks(file.read(HEAD).decode())


_READ = {Format.HTML: _read_html, Format.CSV: _read_csv, Format.XLSX: _read_xlsx}
