"""Has a workbook made by a process of its own.

It takes a minute of processor time for a million rows, and pandas: both stay out of the process
that serves requests (docs/adr/0019-workbooks-are-made-by-a-process-of-their-own.md).
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import IO

import msgspec
from sqlalchemy.engine import URL

from API.app.errors import ProblemError
from createDB.engine import ROOT

PROGRAM = "API.app.exports.sheets"
DEADLINE_S = 600
PIECE = 1 << 16

_turn = threading.BoundedSemaphore(1)


class Order(msgspec.Struct):
    """What the workbook is to hold."""

    database: str
    resource: str
    arguments: dict[str, str]


class WorkbookFailedError(Exception):
    """The process that makes workbooks failed; the message is the last that it said."""


def make_workbook(database: URL, resource: str, arguments: Mapping[str, str]) -> IO[bytes]:
    """Give a workbook as a file without a name, ready to be read.

    Raises:
        ProblemError: 503 while another one is being made.
        WorkbookFailedError: it could not be made.
    """
    if not _turn.acquire(blocking=False):
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "another workbook is being made; CSV is always to be had",
            {"Retry-After": "10"},
        )
    try:
        order = Order(database.render_as_string(hide_password=False), resource, dict(arguments))
        return _made(msgspec.json.encode(order))
    finally:
        _turn.release()


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """Give what is in a file, and close it."""
    with file:
        while piece := file.read(PIECE):
            yield piece


def _made(order: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM],
            input=order,
            stdout=file,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            timeout=DEADLINE_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        file.close()
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise WorkbookFailedError(said[-1] if said else str(error)) from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
