"""How the processes that serve requests hand reports to the one that writes.

Each thread that serves has a connection of its own, over an abstract Unix socket (unix(7)). On it a
report goes one way and what became of it the other, as frames: four bytes of length, then
MessagePack. Either end makes sure that the other runs as the same user.
"""

import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import msgspec

from API.app.errors import OverloadedError, StorageUnavailableError
from API.app.facts import Items
from API.app.ingest.entry import Entry, Stored
from API.app.report import Report

TROUBLE_S = 60.0
PATIENCE_S = 45
"""How long a request waits for the writer, in seconds: less than an agent waits for its answer."""

LENGTH = struct.Struct("<I")
_CREDENTIALS = struct.Struct("3i")
_PIECE = 1 << 16


class Handed(msgspec.Struct, array_like=True, gc=False):
    """A report as it is handed over: an `Entry` that was just received."""

    report: Report
    lists: dict[str, Items]
    body: bytes
    id_agente: str
    id_reporte: str


class Answer(msgspec.Struct, array_like=True, gc=False):
    """What became of a report."""

    id_serv: int = 0
    created: bool = False
    unavailable: str = ""
    """Why it could not be stored now; nothing was kept."""
    failed: str = ""
    """Why it cannot be stored at all, which is the writer's own fault."""


encode = msgspec.msgpack.Encoder().encode
_decode_answer = msgspec.msgpack.Decoder(Answer).decode


class WriterFailedError(Exception):
    """The writer could not store a report, for a reason that is its own; see its log."""


class Address(NamedTuple):
    """Where the writer listens, and a key that the processes of one start share."""

    name: str
    key: bytes


def new_address() -> Address:
    """Make an address that nobody else has; the socket leaves no file behind."""
    return Address(f"\0compliance-{secrets.token_hex(16)}", secrets.token_bytes(32))


def frame(message: Handed | Answer) -> bytes:
    """Write a message with its length before it."""
    text = encode(message)
    return LENGTH.pack(len(text)) + text


def is_ours(connection: socket.socket) -> bool:
    """Tell whether whoever made the other end of `connection` runs as the same user as we do."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(packed)
    return bool(user == os.geteuid())


class WriterClient:
    """The writer, as seen by a process that serves requests; any thread may call `store`."""

    def __init__(self, address: Address, capacity: int) -> None:
        """Make it; the writer need not be there yet.

        Args:
            address: where it listens.
            capacity: how many reports may wait for it.
        """
        self._address = address
        self._capacity = capacity
        self._waiting = 0
        self._lock = threading.Lock()
        self._own = threading.local()
        self._trouble: tuple[str, float] | None = None

    def trouble(self) -> str | None:
        """Tell why the last report was not stored, if that was within the last minute."""
        if self._trouble is None or time.monotonic() - self._trouble[1] > TROUBLE_S:
            return None
        return self._trouble[0]

    def store(self, entry: Entry) -> Stored:
        """Have one report stored and wait until it is on disk in both places.

        Raises:
            OverloadedError: too many are waiting.
            StorageUnavailableError: disk, database or writer are away; nothing was kept, or the
                report is found again when it is sent again.
        """
        handed = Handed(entry.report, dict(entry.lists), entry.body, *entry[3:5])
        with self._place():
            answer = self._exchange(frame(handed))
        self._trouble = (answer.unavailable, time.monotonic()) if answer.unavailable else None
        if answer.unavailable:
            raise StorageUnavailableError(answer.unavailable)
        if answer.failed:
            raise WriterFailedError(answer.failed)
        return Stored(answer.id_serv, answer.created)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places that there are for reports that wait."""
        with self._lock:
            if self._waiting == self._capacity:
                raise OverloadedError("too many reports are waiting to be stored")
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _exchange(self, request: bytes) -> Answer:
        """Send a frame and wait for its answer.

        A connection that broke is made anew, once: the writer may be another one by now. Should the
        first have stored the report without being able to say so, it is found again.
        """
        try:
            kept: socket.socket | None = getattr(self._own, "connection", None)
            if kept:
                try:
                    return self._ask(kept, request)
                except ConnectionError:
                    pass
            return self._ask(self._connect(), request)
        except TimeoutError:
            raise StorageUnavailableError("the writer does not answer; try again") from None
        except OSError as error:
            raise StorageUnavailableError("the writer is away; try again") from error

    def _connect(self) -> socket.socket:
        with ExitStack() as undo:
            connection = undo.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(PATIENCE_S)
            connection.connect(self._address.name)
            if not is_ours(connection):
                raise ConnectionRefusedError("the writer's address is somebody else's")
            undo.pop_all()
        return connection

    def _ask(self, connection: socket.socket, request: bytes) -> Answer:
        self._own.connection = None  # while an answer is owed on it, it is of no other use
        try:
            connection.sendall(request)
            answer = _decode_answer(_receive_frame(connection))
        except BaseException:
            connection.close()
            raise
        self._own.connection = connection
        return answer


def size_of_frame(received: bytes | bytearray) -> int | None:
    """Tell how many bytes the frame has of which `received` is the beginning; None if unknown."""
    return LENGTH.size + LENGTH.unpack_from(received)[0] if len(received) >= LENGTH.size else None


def _receive_frame(connection: socket.socket) -> bytes:
    """Wait for a whole frame, and give what is in it."""
    received = b""
    while len(received) != size_of_frame(received):
        piece = connection.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("the writer went away")
        received += piece
    return received[LENGTH.size :]
