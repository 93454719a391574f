"""How many connections one address has open: of too many, the newest are closed.

The HTTP server limits their number altogether and says nothing of an accepted connection until it
has sent a request. So this process looks through its own descriptors now and then: whoever takes
all places keeps them for no longer than that.
"""

import asyncio
import contextlib
import os
import socket
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from API.app.door.origin import address_of, counted_as
from API.app.settings import Network

log = structlog.get_logger()

LOOK_S = 0.5
"""How often they are counted, in seconds."""

Peer = tuple[str, int]
"""Address and port of the other end."""


class Connections:
    """The connections of one process; used by its event loop alone."""

    def __init__(self, port: int, most: int, proxies: Sequence[Network]) -> None:
        self._port = port
        self._most = most
        self._proxies = proxies
        self._known: dict[Peer, None] = {}  # in the order in which they were first seen

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep from now on, as long as `loop` runs."""
        loop.call_later(LOOK_S, self.watch, loop)
        self.sweep()

    def sweep(self) -> None:
        """Close what an address has beyond its share; a proxy's connections are many people's."""
        with contextlib.ExitStack() as stack:
            found = {peer: stack.enter_context(end) for peer, end in connections_on(self._port)}
            self._known = {peer: None for peer in (*self._known, *found) if peer in found}
            of_each: Counter[str] = Counter()
            closed: Counter[str] = Counter()
            for peer in self._known:
                sender = self._sender(peer)
                of_each[sender] += 1
                if sender and of_each[sender] > self._most:
                    closed[sender] += 1
                    with contextlib.suppress(OSError):  # it has just ended by itself
                        found[peer].shutdown(socket.SHUT_RDWR)
        for sender, count in closed.items():
            log.warning("too many connections of one address", address=sender, closed=count)

    def _sender(self, peer: Peer) -> str:
        """Give the name under which a connection is counted; none where it is not."""
        address = address_of(peer[0])
        if address is None or any(address in network for network in self._proxies):
            return ""
        return counted_as(address)


def connection_with(port: int, peer: Peer) -> socket.socket | None:
    """Give the connection that came in on `port` from `peer`; None where it has just ended."""
    with contextlib.ExitStack() as stack:
        for (address, number), end in connections_on(port):
            stack.enter_context(end)
            if number == peer[1] and address_of(address) == address_of(peer[0]):
                return end.dup()
    return None


def connections_on(port: int) -> Iterator[tuple[Peer, socket.socket]]:
    """Give the connections that this process has accepted on `port`.

    Each as a descriptor of its own, so that it stays what it is while it is looked at.
    """
    for descriptor in sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()):
        end = _socket_of(descriptor)
        if end is None:
            continue
        peer = _peer_of(end, port)
        if peer is None:
            end.close()
        else:
            yield peer, end


def _socket_of(descriptor: int) -> socket.socket | None:
    """Give a copy of a descriptor as a socket; None where it is none, or closed by now.

    A file is not copied: to close the copy would let go of whatever this process has locked of it,
    SQLite's locks too (https://sqlite.org/howtocorrupt.html#posix_close_bug).
    """
    if not _is_socket(descriptor):
        return None
    try:
        copy = os.dup(descriptor)
    except OSError:
        return None
    if not _is_socket(copy):
        return None  # a file has taken its number at this very moment: so the copy stays open
    return socket.socket(fileno=copy)


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _peer_of(end: socket.socket, port: int) -> Peer | None:
    """Tell who is at the other end; None but for a connection that came in on `port`."""
    if end.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        address, number = end.getpeername()[:2]
        return (address, number) if end.getsockname()[1] == port else None
    except OSError:
        return None  # the one that listens, or one that has just ended
