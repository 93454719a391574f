"""How the processes that serve requests hand reports to the one that writes.

Each process that serves has some connections, over an abstract Unix socket (unix(7)). On them
reports go one way and what became of them the other, by the report's number, as frames: four bytes
of length, then MessagePack. Either end makes sure that the other runs as the same user.
"""

import asyncio
import os
import secrets
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple, cast

import msgspec

from API.app.errors import OverloadedError, StorageUnavailableError
from API.app.ingest.entry import Pending, Stored
from API.app.ingest.intake import Received
from API.app.ingest.spelling import Spelled, Speller
from API.app.report import Report

TROUBLE_S = 60.0
PATIENCE_S = 45
"""How long a request waits for the writer, in seconds: less than an agent waits for its answer."""

CONNECTIONS = 16
"""Of each process that serves. Linux lets a socket hold some 200 KB, ten reports: what the writer
is to find waiting, to store it as one batch, must be spread over several."""

_LENGTH = struct.Struct("<I")
_CREDENTIALS = struct.Struct("3i")


class Handed(msgspec.Struct, array_like=True, gc=False):
    """A report as it is handed over."""

    report: Report
    lists: Spelled
    body: bytes
    id_agente: str
    id_reporte: str
    number: int
    """Among those that are handed over on the same connection."""


class Answer(msgspec.Struct, array_like=True, gc=False):
    """What became of a report."""

    number: int
    """Of the report, as it was handed over."""
    id_serv: int = 0
    created: bool = False
    unavailable: str = ""
    """Why it could not be stored now; nothing was kept."""
    failed: str = ""
    """Why it cannot be stored at all, which is the writer's own fault."""
    pending: bool = False
    """Whether it is in the log and has no number yet."""


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
    return _LENGTH.pack(len(text)) + text


def is_ours(connection: socket.socket) -> bool:
    """Tell whether whoever made the other end of `connection` runs as the same user as we do."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(packed)
    return bool(user == os.geteuid())


class Frames:
    """Finds frames in a stream of bytes."""

    def __init__(self) -> None:
        self._received = bytearray()

    def add(self, piece: bytes) -> Iterator[memoryview]:
        """Take the next piece of the stream; give what is in the frames that are whole now."""
        self._received += piece
        with memoryview(self._received) as view:
            place = 0
            while len(view) - place >= _LENGTH.size:
                start = place + _LENGTH.size
                end = start + _LENGTH.unpack_from(view, place)[0]
                if end > len(view):
                    break
                with view[start:end] as content:
                    yield content
                place = end
        del self._received[:place]


class WriterClient:
    """The writer, as seen by a process that serves requests; used by its event loop alone."""

    def __init__(self, address: Address, capacity: int) -> None:
        """Make it; the writer need not be there yet.

        Args:
            address: where it listens.
            capacity: how many reports may wait for it.
        """
        self._address = address
        self._capacity = capacity
        self._waiting = 0
        self._links: list[asyncio.Future[_Link] | None] = [None] * CONNECTIONS
        self._turn = 0
        self._trouble: tuple[str, float] | None = None

    def waiting(self) -> int:
        """Tell how many reports wait for an answer."""
        return self._waiting

    def trouble(self) -> str | None:
        """Tell why the last report was not stored, if that was within the last minute."""
        trouble = self._trouble
        if trouble is None or time.monotonic() - trouble[1] > TROUBLE_S:
            return None
        return trouble[0]

    async def store(self, received: Received) -> Stored | Pending:
        """Have one report stored and wait until it is on disk in both places.

        Returns:
            its number; or that it has none yet: it is in the log, the database is away.

        Raises:
            OverloadedError: too many are waiting.
            StorageUnavailableError: disk, database or writer are away; nothing was kept, or the
                report is found again when it is sent again.
            WriterFailedError: see there.
        """
        if self._waiting == self._capacity:
            raise OverloadedError("too many reports are waiting to be stored")
        self._waiting += 1
        try:
            answer = await self._exchange(received)
        finally:
            self._waiting -= 1
        self._trouble = (answer.unavailable, time.monotonic()) if answer.unavailable else None
        if answer.unavailable:
            raise StorageUnavailableError(answer.unavailable)
        if answer.failed:
            raise WriterFailedError(answer.failed)
        if answer.pending:
            return Pending(received.id_reporte)
        return Stored(answer.id_serv, answer.created)

    def close(self) -> None:
        """Let go of every connection."""
        for link in self._links:
            if link and not _is_gone(link):
                link.result().transport.close()

    async def _exchange(self, received: Received) -> Answer:
        """Hand a report over and wait for what becomes of it.

        A connection that broke is made anew, once: the writer may be another one by now. Should the
        first have stored the report without being able to say so, it is found again.
        """
        place = self._turn = (self._turn + 1) % CONNECTIONS
        try:
            try:
                return await (await self._link(place)).ask(received)
            except ConnectionError:
                return await (await self._link(place)).ask(received)
        except TimeoutError:
            raise StorageUnavailableError("the writer does not answer; try again") from None
        except OSError as error:
            raise StorageUnavailableError("the writer is away; try again") from error

    def _link(self, place: int) -> "asyncio.Future[_Link]":
        """Give the connection of this place; made anew, once for all who ask, where it is gone."""
        link = self._links[place]
        if link is None or _is_gone(link):
            link = self._links[place] = asyncio.ensure_future(self._connect())
        return link

    async def _connect(self) -> "_Link":
        with ExitStack() as undo:
            connection = undo.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(self._address.name)  # on this machine: at once or never
            if not is_ours(connection):
                raise ConnectionRefusedError("the writer's address is somebody else's")
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            _, link = await loop.create_unix_connection(_Link, sock=connection)
            undo.pop_all()
        return link


class _Link(asyncio.Protocol):
    """One connection to the writer, which may answer in another order than it is asked."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._frames = Frames()
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._speller = Speller()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    async def ask(self, received: Received) -> Answer:
        """Hand a report over and wait for what becomes of it.

        Raises:
            ConnectionError: the writer is gone.
            TimeoutError: it takes longer than somebody waits.
        """
        if self.transport.is_closing():
            raise ConnectionResetError("the writer went away")
        report, lists, body, id_agente, id_reporte, vocabulary, passing = received
        spelled = self._speller.spell(lists, vocabulary, passing)
        self._number = number = self._number + 1
        handed = Handed(report, spelled, body, id_agente, id_reporte, number)
        self.transport.write(frame(handed))
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._asked[number] = answer
        patience = loop.call_later(PATIENCE_S, _fail, answer, TimeoutError())
        try:
            return await answer
        finally:
            patience.cancel()

    def data_received(self, data: bytes) -> None:
        for content in self._frames.add(data):
            answer = _decode_answer(content)
            asked = self._asked.pop(answer.number)
            if not asked.done():  # somebody still waits
                asked.set_result(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        for answer in self._asked.values():
            _fail(answer, ConnectionResetError("the writer went away"))


def _is_gone(link: asyncio.Future[_Link]) -> bool:
    """Tell whether a connection could not be made, or is no more."""
    if not link.done():
        return False
    return link.cancelled() or bool(link.exception()) or link.result().transport.is_closing()


def _fail(answer: asyncio.Future[Answer], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
