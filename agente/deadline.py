"""Calls into the system that may hang (directory services, name resolution), bounded in time."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NoThreadError(OSError):
    """The system lets this process have no further thread now."""


def call_within(seconds: float, function: Callable[[], T]) -> T:
    """Return what function() returns, or raise what it raises.

    Raises TimeoutError after so many seconds, NoThreadError where it can't begin. The call can't be
    interrupted inside the C library: it goes on in a daemon thread, which never holds up the end of
    the process.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - handed to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThreadError(str(error)) from error
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
        self._busy: set[str] = set()

    def call(self, name: str, function: Callable[[], T], seconds: float | None = None) -> T:
        """Return function(), or raise what it raises; TimeoutError when it takes too long.

        Called by one thread at a time. ``seconds`` is the patience of this call alone.
        """
        if name in self._busy:
            raise TimeoutError("sigue sin responder desde una vez anterior")

        def run() -> T:
            try:
                return function()
            finally:
                self._busy.discard(name)

        self._busy.add(name)
        try:
            return call_within(self._seconds if seconds is None else seconds, run)
        except NoThreadError:
            self._busy.discard(name)
            raise
