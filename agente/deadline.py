"""Calls into the system that may hang (directory services, name resolution), bounded in time."""

import threading
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
