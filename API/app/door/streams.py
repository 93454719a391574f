"""Answers that are made while they are sent: a million rows take no more memory than a thousand.

The HTTP server keeps whatever it is given until the other end has read it. So no more is given than
a little ahead of what has been read, which the kernel tells (TCP_INFO, tcp(7)). While somebody
reads slowly no thread waits for them; who takes too little for too long is cut off, so that what
they have got cannot pass for the whole.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Protocol

import structlog
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from API.app.door.connections import Peer, connection_with
from API.app.errors import ProblemError

log = structlog.get_logger()

AHEAD = 1 << 20
"""Bytes that are given to the HTTP server before the other end has read them."""

PART = 1 << 17
"""Bytes that a reader must take within the time for one."""

THREADS = 2
"""Threads that make pieces: exports share them, so that requests always find one of their own."""

SHARES = 4
"""Of so many shares of the places one address has one."""

_BYTES_ACKED = struct.Struct("<Q")
_BYTES_ACKED_AT = 120
"""Where struct tcp_info of <linux/tcp.h> has tcpi_bytes_acked (Linux 4.1)."""
_AT_ONCE = struct.pack("ii", 1, 0)
_CLOSED = 7
"""tcpi_state, its first byte, once a connection is over (TCP_CLOSE)."""


class Stream:
    """What is still to be sent, a piece at a time; made outside of any request."""

    def __init__(self, pieces: Generator[bytes] | Iterator[bytes]) -> None:
        self._pieces = pieces
        self.sender = ""
        """Who it is for, as it is counted."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let go of what the pieces are made from."""
        if isinstance(self._pieces, Generator):
            self._pieces.close()


class Transport(Protocol):
    """The way out of an answer whose length nobody knows yet (RSGI)."""

    async def send_bytes(self, data: bytes) -> None:
        """Send; the HTTP server keeps it until it can."""


class StalledError(Exception):
    """Somebody reads too slowly, or no more."""


class Reader:
    """The other end of a connection: how much it has taken."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._before = self._acknowledged()

    def taken(self) -> int:
        """Tell how many bytes have arrived there since this was made."""
        return self._acknowledged() - self._before

    def cut(self) -> None:
        """End the connection, and forget what it has not taken (SO_LINGER, socket(7))."""
        with contextlib.suppress(OSError):
            self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self._end.shutdown(socket.SHUT_RDWR)

    def _acknowledged(self) -> int:
        info = self._end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if info[0] == _CLOSED:
            raise StalledError("the reader is gone")
        return int(_BYTES_ACKED.unpack_from(info, _BYTES_ACKED_AT)[0])


class Streams:
    """The answers that one process is sending in pieces; used by its event loop alone."""

    def __init__(self, port: int, most: int, patience_s: float) -> None:
        """Make it.

        Args:
            port: on which the readers' connections came in.
            most: how many may be sent at a time.
            patience_s: how long a reader may take for `PART` bytes.
        """
        self._port = port
        self._patience_s = patience_s
        self._most = most
        self._most_of_one = max(most // SHARES, 1)
        self._of: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(THREADS, "export")

    def close(self) -> None:
        """End; a piece that is being made is waited for."""
        self._threads.shutdown()

    def take_place(self, stream: Stream, sender: str) -> None:
        """Count a stream that is about to be sent; `send` gives its place back.

        Raises:
            ProblemError: 503 where there is no place left.
        """
        if self._of.total() >= self._most or self._of[sender] >= self._most_of_one:
            stream.close()
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"too many downloads at once: {self._most} are served, {self._most_of_one} to one "
                "address",
                {"Retry-After": "10"},
            )
        stream.sender = sender
        self._of[sender] += 1

    async def send(self, stream: Stream, transport: Transport, peer: Peer) -> None:
        """Send a stream to its end, or until its reader is gone."""
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(stream.close)
                stack.callback(self._give_back, stream.sender)
                end = connection_with(self._port, peer)
                if end:
                    await self._send(stream, transport, Reader(stack.enter_context(end)))
        except (StalledError, ProtocolClosed) as error:
            log.info("a download was cut off", reader=stream.sender, reason=str(error))
        except Exception:
            log.exception("a download failed", reader=stream.sender)

    async def _send(self, stream: Stream, transport: Transport, reader: Reader) -> None:
        loop = asyncio.get_running_loop()
        sent = 0
        try:
            while piece := await loop.run_in_executor(self._threads, next, stream, b""):
                for start in range(0, len(piece), PART):
                    part = piece[start : start + PART]
                    await transport.send_bytes(part)
                    sent += len(part)
                    await _until_taken(reader, sent - AHEAD, self._patience_s)
            await _until_taken(reader, sent, self._patience_s)
        except BaseException:
            reader.cut()  # before the HTTP server ends the answer as if it were whole
            raise

    def _give_back(self, sender: str) -> None:
        self._of[sender] -= 1
        if not self._of[sender]:
            del self._of[sender]


async def _until_taken(reader: Reader, count: int, patience_s: float) -> None:
    """Wait until so many bytes have been taken.

    Raises:
        StalledError: that takes too long, or the reader is gone.
    """
    end = time.monotonic() + patience_s
    pause = 0.001
    while reader.taken() < count:
        if time.monotonic() > end:
            raise StalledError(f"too little was taken in {patience_s:.0f} s")
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.05)
