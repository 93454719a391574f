"""HTTP through requests: no redirects, TLS always checked, and every exchange bounded in time.

Imported only when something is sent: requests takes 100 ms and 15 MiB.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from transport import Answer


class Deadline:
    """Cuts the sockets of an exchange when its time is over.

    Timeouts of requests count from byte to byte: a server that trickles its headers could hold
    the sender for days. Shutting down a duplicate of the socket ends that, in TLS as well.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.over = False

    def watch(self, connection: socket.socket) -> None:
        """Put a socket under this deadline, which may be over: looking a name up is not cut."""
        self.close()  # there is one connection at a time
        with self._lock:
            self._sockets.append(connection.dup())
        if self.over:
            self.cut()

    def cut(self) -> None:
        """End what is under way; what waits for the socket gets an error or the end of file."""
        with self._lock:
            self.over = True
            for connection in self._sockets:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def close(self) -> None:
        """Let go of the sockets."""
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound what is done inside. Raises TimeoutError when it took longer."""
        self.over = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if self.over:
                raise TimeoutError(f"el envío no terminó en {seconds:g} s") from error
            raise
        finally:
            timer.cancel()


class WatchedAdapter(HTTPAdapter):
    """requests' adapter, with every socket that it opens under a Deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._pools = watched_pools(deadline)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections watched ones."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy watched ones."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def watched_pools(deadline: Deadline) -> dict[str, Any]:
    """Return urllib3's pool classes with connections that tell the deadline of their socket."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            deadline.watch(made)
            return made

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            deadline.watch(made)
            return made

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class Bearer(requests.auth.AuthBase):
    """Our token and nothing else: with an auth of ours, requests leaves ~/.netrc alone."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token, if there is one (RFC 6750, section 2.1)."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Session:
    """Connections to one collector."""

    def __init__(self, *, trust: bool) -> None:
        self._deadline = Deadline()
        self._session = requests.Session()
        self._session.trust_env = trust
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WatchedAdapter(self._deadline))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._deadline.close()

    def exchange(
        self,
        method: str,
        url: str,
        *,
        token: str,
        headers: dict[str, str],
        body: bytes,
        most: int,
        seconds: float,
        connect: float,
        silence: float,
        verify: str | bool,
    ) -> Answer:
        """Send a request and return its answer, with at most ``most`` bytes of body.

        ``verify`` is what its certificate is checked with: a file, or True for the system's.

        Raises OSError: requests' errors, TimeoutError once ``seconds`` are over.
        """
        with self._deadline.within(seconds):
            response = self._session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                auth=Bearer(token),
                allow_redirects=False,
                stream=True,
                timeout=(min(connect, seconds), min(silence, seconds)),
                verify=verify,
            )
            with response:
                content, whole = read_bounded(response, most, time.monotonic() + seconds)
            if self._deadline.over:
                raise TimeoutError
        return Answer(
            response.status_code,
            response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            content,
            whole,
            response.headers.get("Retry-After", ""),
        )


def read_bounded(response: requests.Response, most: int, until: float) -> tuple[bytes, bool]:
    """Return at most ``most`` bytes of a body and whether that is all of it."""
    content = bytearray()
    try:
        for chunk in response.iter_content(16384):
            content += chunk
            if len(content) > most or time.monotonic() > until:
                return bytes(content[:most]), False
    except (requests.RequestException, HTTPError):
        return bytes(content), False
    return bytes(content), True


def proxy_of(url: str) -> str:
    """Return the proxy that the environment names for a URL, "" for none.

    It is host and port, without the password that may stand before them.
    """
    named = select_proxy(url, get_environ_proxies(url, no_proxy=None)) or ""
    return named.rpartition("@")[2].rpartition("//")[2].rstrip("/")


def open_session(*, trust: bool) -> Session:
    """Return a session; ``trust`` is whether proxies of the environment are used."""
    return Session(trust=trust)


def fetch_unchecked(url: str, seconds: float, *, trust: bool) -> bytes:
    """Return what is at a URL, whoever the other end is; for what is checked by itself afterwards.

    Raises OSError.
    """
    session = Session(trust=trust)
    urllib3.disable_warnings(InsecureRequestWarning)
    try:
        answer = session.exchange(
            "GET", url, token="", headers={}, body=b"", most=65536, seconds=seconds,
            connect=seconds, silence=seconds, verify=False,
        )  # fmt: skip
    finally:
        session.close()
    return answer.body
