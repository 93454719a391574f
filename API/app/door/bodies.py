"""Bodies on their way in: how many, how large, and for how long.

While a body comes in no thread waits for it. Where there are too many, the one that has been
coming for longest is cut off: a sender that means well is done long before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple, Protocol

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from API.app.errors import ProblemError

CLOSE = {"Connection": "close"}
"""The rest of the body is not read, so nothing can follow it."""

SMALL = 1 << 16
"""Bytes of a body that is taken at once: each piece of one wakes this process, which costs more
than all else about it."""


class Coming(Protocol):
    """A body as the HTTP server gives it (RSGI): at once or in pieces."""

    def __call__(self) -> Awaitable[bytes]:
        """Wait for all of it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give one piece after the other."""


class Most(NamedTuple):
    """What there may be at a time."""

    bodies: int
    bodies_of_one: int
    """Of one address, and of one agent."""
    total: int
    """Bytes of the bodies that are coming in or waiting to be stored."""
    seconds: float
    """From a body's first byte to its last."""


class Body:
    """One body, from its first byte until its request is answered."""

    def __init__(self) -> None:
        self.senders: set[str] = set()
        self.data: bytes | bytearray = b""
        self.held = 0
        """Bytes that it is counted with: all of a small one from the beginning."""
        self.coming: asyncio.Timeout | None = None


class Bodies:
    """The bodies that one process holds; used by its event loop alone."""

    def __init__(self, most: Most) -> None:
        self._most = most
        self._coming: dict[Body, None] = {}  # in the order in which they began
        self._of: dict[str, int] = {}
        self._total = 0

    async def receive(self, coming: Coming, length: int, body: Body) -> None:
        """Read `length` bytes into `body`, which the caller hands to `release` in any case.

        Raises:
            ProblemError: 400 where it ends early, 408 where it takes too long or had to give way,
                503 where there is no room for it.
        """
        try:
            async with asyncio.timeout(self._most.seconds) as body.coming:
                self._begin(body)
                if length <= SMALL:
                    await self._receive_at_once(coming, length, body)
                else:
                    await self._receive_in_pieces(coming, body)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time", CLOSE
            ) from None
        finally:
            self._end(body)
        if len(body.data) != length:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length", CLOSE
            )

    def release(self, body: Body) -> None:
        """Forget `body`: its request is answered."""
        self._total -= body.held
        body.held, body.data = 0, b""

    async def _receive_at_once(self, coming: Coming, length: int, body: Body) -> None:
        self._hold(body, length)
        with suppress(ProtocolClosed):  # it ends early
            body.data = await coming()
        self._require_uncut(body)

    async def _receive_in_pieces(self, coming: Coming, body: Body) -> None:
        body.data = data = bytearray()
        async for piece in coming:
            self._hold(body, len(piece))
            data += piece

    def _begin(self, body: Body) -> None:
        for sender in body.senders:
            if self._of.get(sender, 0) >= self._most.bodies_of_one:
                self._cut(next(old for old in self._coming if sender in old.senders))
        if len(self._coming) >= self._most.bodies:
            self._cut(next(iter(self._coming)))
        self._coming[body] = None
        for sender in body.senders:
            self._of[sender] = self._of.get(sender, 0) + 1

    def _hold(self, body: Body, length: int) -> None:
        """Find room for so many bytes more."""
        while body in self._coming and self._total + length > self._most.total:
            if len(self._coming) == 1:  # nobody else can give way
                raise ProblemError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too many reports are coming in",
                    {"Retry-After": "5", **CLOSE},
                )
            self._cut(next(iter(self._coming)))
        self._require_uncut(body)
        self._total += length
        body.held += length

    def _require_uncut(self, body: Body) -> None:
        if body not in self._coming:
            raise TimeoutError  # it was cut for these bytes, or while they were under way

    def _cut(self, body: Body) -> None:
        """End a body that is still coming in; its own task answers."""
        self._end(body)
        self.release(body)
        if body.coming:
            body.coming.reschedule(0)

    def _end(self, body: Body) -> None:
        if body not in self._coming:
            return
        del self._coming[body]
        for sender in body.senders:
            self._of[sender] -= 1
            if not self._of[sender]:
                del self._of[sender]
