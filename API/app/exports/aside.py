"""Has a file made by a process of its own, at a lower priority, one at a time.

What takes seconds of processor time stays out of the process that serves requests
(docs/adr/0019-workbooks-are-made-by-a-process-of-their-own.md).
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, TypeVar

import msgspec

from API.app.errors import ProblemError
from API.app.priority import give_way
from createDB.engine import ROOT

DEADLINE_S = 600
PIECE = 1 << 16

Order = TypeVar("Order")

_turn = threading.BoundedSemaphore(1)


class MakingFailedError(Exception):
    """The process that makes a file failed; the message is the last that it said."""


def make_aside(program: str, order: msgspec.Struct, instead: str) -> IO[bytes]:
    """Give what a program of ours makes, as a file without a name, ready to be read.

    Args:
        program: the module. It takes its order by `take_order`; the file is its standard output.
        order: what the file is to hold.
        instead: what to tell whoever comes while another one is being made.

    Raises:
        ProblemError: 503 while another one is being made.
        MakingFailedError: it could not be made.
    """
    if not _turn.acquire(blocking=False):
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, instead, {"Retry-After": "10"})
    try:
        return _made(program, msgspec.json.encode(order))
    finally:
        _turn.release()


def take_order(kind: type[Order]) -> Order:
    """Give way to others, and read what was ordered; in the process that makes the file."""
    give_way()
    return msgspec.json.decode(sys.stdin.buffer.read(), type=kind)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """Give what is in a file, and close it."""
    with file:
        while piece := file.read(PIECE):
            yield piece


def _made(program: str, order: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", program],
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
        raise MakingFailedError(said[-1] if said else str(error)) from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
