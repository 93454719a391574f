"""Calls into the system that may hang (directory services, name resolution), bounded in time."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def call_within(seconds: float, function: Callable[[], T]) -> T:
    """Return what function() returns, or raise what it raises.

    Raises TimeoutError after so many seconds. The call can't be interrupted inside the C library:
    it goes on in a daemon thread, which never holds up the end of the process.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - handed to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"sin respuesta en {seconds:g} s")
    return results[0]


class Patience:
    """Bounds calls by name, and never has two of one name under way.

    What hangs in the kernel hangs for every caller: a thread more at each cycle would help nobody.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def call(self, name: str, function: Callable[[], T]) -> T:
        """Return function(), or raise what it raises; TimeoutError when it takes too long."""
        busy = self._busy[name]
        if not busy.acquire(blocking=False):
            raise TimeoutError("sigue sin responder desde una vez anterior")

        def run() -> T:
            try:
                return function()
            finally:
                busy.release()

        return call_within(self._seconds, run)
