"""A wire to a server that can be cut at the worst moment."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

COMMIT = b"COMMIT"


class Wire:
    """Passes on what clients say to a port of this machine, until it is cut."""

    def __init__(self, port: int) -> None:
        """Begin to pass on to that port."""
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port = self._listener.getsockname()[1]
        self.is_down = False
        """Whether nobody gets through."""
        self.cut_at: str | None = None
        """`question`: the next COMMIT does not arrive; `answer`: its answer does not."""
        self.down_after = False
        """Whether nobody gets through after that cut."""
        self._start(self._accept)

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Accept nobody any more; those who use it have gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, run: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_down:
                    client.close()
                else:
                    self._start(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server))
        with client, server, suppress(OSError):
            while True:
                ready, _, _ = select.select((client, server), (), ())
                piece = ready[0].recv(65_536)
                if not piece:
                    return
                if ready[0] is client and COMMIT in piece and self.cut_at:
                    self.is_down, at, self.cut_at = self.down_after, self.cut_at, None
                    if at == "answer":
                        server.sendall(piece)
                    return
                (server if ready[0] is client else client).sendall(piece)
