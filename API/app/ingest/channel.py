"""How the processes that serve requests hand reports to the one that writes.

A connection carries frames of MessagePack: a report with a number one way, that number with what
became of the report the other way, in any order.
"""

import contextlib
import itertools
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Client, Connection, Listener
from typing import NamedTuple

import msgspec
import structlog

from API.app.errors import OverloadedError, StorageUnavailableError
from API.app.ingest.store import Entry, Stored
from API.app.ingest.writer import Writer
from API.app.report import Report

log = structlog.get_logger()


TROUBLE_S = 60.0
PATIENCE_S = 45
"""How long a request waits for the writer, in seconds: less than an agent waits for its answer."""


class Address(NamedTuple):
    """Where the writer listens: an abstract Unix socket (unix(7)), and the key to come in."""

    name: str
    key: bytes


def new_address() -> Address:
    """Make an address that nobody else has; the socket leaves no file behind."""
    return Address(f"\0compliance-{secrets.token_hex(16)}", secrets.token_bytes(32))


class _Request(msgspec.Struct, array_like=True):
    number: int
    report: Report
    body: bytes
    id_agente: str
    id_reporte: str


class _Answer(msgspec.Struct, array_like=True):
    number: int
    id_serv: int = 0
    created: bool = False
    overloaded: bool = False
    unavailable: str = ""
    failed: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(_Request).decode
_decode_answer = msgspec.msgpack.Decoder(_Answer).decode


class WriterFailedError(Exception):
    """The writer could not store a report, for a reason that is its own; see its log."""


class WriterClient:
    """The writer, as seen by a process that serves requests; any thread may call `store`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._connection: Connection | None = None
        self._waiting: dict[int, Future[Stored]] = {}
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
        future: Future[Stored] = Future()
        number = next(self._numbers)
        request = _Request(number, entry.report, entry.body, entry.id_agente, entry.id_reporte)
        frame = _encode(request)
        try:
            with self._lock:
                connection = self._connection or self._connect()
                self._waiting[number] = future
                connection.send_bytes(frame)
        except (OSError, EOFError) as error:
            self._waiting.pop(number, None)
            raise StorageUnavailableError("the writer is away; try again") from error
        try:
            return future.result(PATIENCE_S)
        except TimeoutError:
            raise StorageUnavailableError("the writer does not answer; try again") from None

    def _connect(self) -> Connection:
        connection = Client(self._address.name, "AF_UNIX", self._address.key)
        self._connection = connection
        thread = threading.Thread(target=self._receive, args=(connection,), daemon=True)
        thread.start()
        return connection

    def _receive(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                answer = _decode_answer(connection.recv_bytes())
                self._settle(self._waiting.pop(answer.number), answer)
        with self._lock:
            self._connection = None
            connection.close()
            lost, self._waiting = self._waiting, {}
        for future in lost.values():
            future.set_exception(StorageUnavailableError("the writer went away; try again"))

    def _settle(self, future: Future[Stored], answer: _Answer) -> None:
        self._trouble = (answer.unavailable, time.monotonic()) if answer.unavailable else None
        if answer.overloaded:
            future.set_exception(OverloadedError("too many reports are waiting to be stored"))
        elif answer.unavailable:
            future.set_exception(StorageUnavailableError(answer.unavailable))
        elif answer.failed:
            future.set_exception(WriterFailedError(answer.failed))
        else:
            future.set_result(Stored(answer.id_serv, answer.created))


class WriterService:
    """Lets other processes use `writer`."""

    def __init__(self, writer: Writer, address: Address) -> None:
        self._writer = writer
        self._listener = Listener(address.name, "AF_UNIX", backlog=64, authkey=address.key)
        self._clients: set[threading.Thread] = set()
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def close(self, grace_s: float) -> None:
        """Wait until every client has gone, `grace_s` seconds at most; then listen no more."""
        for thread in list(self._clients):
            thread.join(grace_s)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return
            except Exception as error:  # noqa: BLE001 - whoever has not the key is sent away
                log.warning("connection to the writer refused", reason=str(error))
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._clients.add(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        lock = threading.Lock()

        def send(answer: _Answer) -> None:
            # A client that is gone sends its report again, and is told then.
            with lock, contextlib.suppress(OSError):
                connection.send_bytes(_encode(answer))

        with contextlib.suppress(OSError, EOFError):
            while True:
                request = _decode_request(connection.recv_bytes())
                self._take(request, send)
        self._clients.discard(threading.current_thread())

    def _take(self, request: _Request, send: Callable[[_Answer], None]) -> None:
        entry = Entry(request.report, request.body, request.id_agente, request.id_reporte)

        def tell(outcome: Stored | Exception) -> None:
            send(_answer(request.number, outcome))

        try:
            self._writer.submit(entry, tell)
        except OverloadedError as error:
            tell(error)


def _answer(number: int, outcome: Stored | Exception) -> _Answer:
    if isinstance(outcome, Stored):
        return _Answer(number, outcome.id_serv, outcome.created)
    if isinstance(outcome, OverloadedError):
        return _Answer(number, overloaded=True)
    if isinstance(outcome, StorageUnavailableError):
        return _Answer(number, unavailable=str(outcome))
    return _Answer(number, failed=repr(outcome))
