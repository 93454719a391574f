"""The writer's end of the channel: takes whatever reports have come and has them stored together.

However many wait, they are one batch; under load batches form by themselves, and a lone report
waits for nobody. One thread reads, stores and answers: there is nobody to share the interpreter
with while reports wait.
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial

import msgspec
import structlog

from API.app.errors import StorageUnavailableError
from API.app.ingest.backlog import Backlog
from API.app.ingest.channel import Address, Answer, Frames, Handed, frame, is_ours
from API.app.ingest.entry import Entry, Pending, Stored
from API.app.ingest.spelling import Reader
from API.app.ingest.writer import Waiting

log = structlog.get_logger()

MAX_BATCH = 128
"""Reports in one transaction. More would make the first of them wait without a gain in rate."""

PIECE = 1 << 18
"""Bytes that are read at a time: what a socket of Linux holds, and a little more."""

UNACCEPTED = 1_024
"""Connections that may wait to be accepted."""

_decode = msgspec.msgpack.Decoder(Handed).decode


class _Client:
    """A connection of a process that serves requests, and what has come on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._frames = Frames()
        self._reader = Reader()

    def reports(self) -> Iterator[tuple[int, Entry]]:
        """Read what has come; give the reports that are whole, with their numbers.

        Raises:
            ConnectionError: the other end is gone.
        """
        piece = self.connection.recv(PIECE, socket.MSG_DONTWAIT)
        if not piece:
            raise ConnectionResetError
        return map(self._entry, self._frames.add(piece))

    def _entry(self, content: memoryview) -> tuple[int, Entry]:
        handed = _decode(content)
        lists = self._reader.read(handed.lists)
        entry = Entry(handed.report, lists, handed.body, handed.id_agente, handed.id_reporte)
        return handed.number, entry

    def tell(self, number: int, outcome: Stored | Pending | Exception) -> None:
        """Answer; a client that is gone sends its report again, and is told then."""
        with contextlib.suppress(OSError):
            self.connection.sendall(frame(_answer(number, outcome)))


class WriterService:
    """Lets other processes use `writer`, from a thread of its own."""

    def __init__(self, writer: Backlog, address: Address) -> None:
        self._writer = writer
        self._pause: float | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address.name)
        self._listener.listen(UNACCEPTED)
        self._ours, self._theirs = socket.socketpair()
        self._until: float | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._ours, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def close(self, grace_s: float) -> None:
        """Go on until every client has gone, `grace_s` seconds at most; then listen no more."""
        self._until = time.monotonic() + grace_s
        self._theirs.close()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._is_over():
                waiting = list(self._read())
                for start in range(0, len(waiting), MAX_BATCH):
                    self._writer.write(waiting[start : start + MAX_BATCH])
                    self._writer.tend()
                self._pause = self._writer.tend()
        except BaseException:
            log.exception("the writer failed")
            os._exit(1)  # those who wait are answered by their broken connections, at once
        self._listener.close()
        for client in self._clients():
            client.connection.close()
        self._ours.close()
        self._selector.close()

    def _is_over(self) -> bool:
        if self._until is None:
            return False
        return time.monotonic() > self._until or not self._clients()

    def _clients(self) -> list[_Client]:
        return [key.data for key in self._selector.get_map().values() if key.data]

    def _read(self) -> Iterator[Waiting]:
        """Wait until something comes, and give the reports that are whole."""
        left = None if self._until is None else max(self._until - time.monotonic(), 0)
        patience = [seconds for seconds in (left, self._pause) if seconds is not None]
        for key, _ in self._selector.select(min(patience, default=None)):
            if key.data:
                yield from self._receive(key.data)
            elif key.fileobj is self._listener:
                self._accept()
            else:
                self._selector.unregister(self._ours)  # it only tells that `close` was called

    def _receive(self, client: _Client) -> Iterator[Waiting]:
        try:
            for number, entry in client.reports():
                yield Waiting(entry, partial(client.tell, number))
        except ConnectionError:
            self._selector.unregister(client.connection)
            client.connection.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if is_ours(connection):
            self._selector.register(connection, selectors.EVENT_READ, _Client(connection))
        else:
            log.warning("connection of another user to the writer refused")
            connection.close()


def _answer(number: int, outcome: Stored | Pending | Exception) -> Answer:
    if isinstance(outcome, Stored):
        return Answer(number, outcome.id_serv, outcome.created)
    if isinstance(outcome, Pending):
        return Answer(number, pending=True)
    if isinstance(outcome, StorageUnavailableError):
        return Answer(number, unavailable=str(outcome))
    return Answer(number, failed=repr(outcome))
