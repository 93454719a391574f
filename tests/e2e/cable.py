"""A cable to a server of this machine, which can be cut, go dead or be slow."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

LOOK_S = 0.02
"""How soon a change of the cable is noticed, in seconds."""


class Cable:
    """Passes on what clients and a server say to each other."""

    def __init__(self, port: int) -> None:
        """Lead to a port of this machine."""
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._closing = threading.Event()
        self._usable = threading.Event()
        self._usable.set()
        self._cuts = 0
        self._is_cut = False
        self._delay_s = 0.0
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        """Begin to pass on."""
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all that goes on over it."""
        self._closing.set()
        self._usable.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Have every connection end, and no new one come about."""
        self._cuts += 1
        self._is_cut = True
        yield
        self.mend()

    def mend(self) -> None:
        """Have connections come about again, before the end of a cut too."""
        self._is_cut = False

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Have nothing arrive, and nobody hear of it; what was on its way arrives afterwards."""
        self._usable.clear()
        yield
        self._usable.set()

    @contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Have everything take so long, each way."""
        self._delay_s = delay_s
        yield
        self._delay_s = 0.0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                thread = threading.Thread(target=self._pass_on, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        cuts = self._cuts
        with ExitStack() as ends, suppress(OSError):
            ends.enter_context(client)
            server = ends.enter_context(socket.create_connection(("127.0.0.1", self._server)))
            other = {client: server, server: client}
            while cuts == self._cuts and not self._closing.is_set():
                for end in select.select(other, (), (), LOOK_S)[0]:
                    piece = end.recv(65_536)
                    self._usable.wait()
                    if not piece or cuts != self._cuts:
                        return
                    self._closing.wait(self._delay_s)
                    other[end].sendall(piece)
