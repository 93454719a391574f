"""Values that take a while to make, kept until there is news."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

import structlog

log = structlog.get_logger()

Value = TypeVar("Value")

CHEAP_S = 0.05
"""What takes no longer is made for whoever asks, so that they see what they have just changed."""


class _Kept(NamedTuple, Generic[Value]):
    value: Value
    version: Hashable
    cost_s: float
    made: float


class Fresh(Generic[Value]):
    """Keeps a value; while it is cheap, it is made anew for whoever asks after news.

    A costly one is made on the side, and whoever asks meanwhile gets the one before: then it may
    be `rest` times as old as it takes to make, which bounds its share of a processor.
    """

    def __init__(self, make: Callable[[], Value], rest: float = 20.0) -> None:
        self._make, self._rest = make, rest
        self._kept: _Kept[Value] | None = None
        self._making = threading.Lock()

    def get(self, version: Hashable) -> tuple[Value, bool]:
        """Give the value, and whether it is of `version`, which is another one after news."""
        kept = self._kept
        if kept is None or (kept.version != version and kept.cost_s < CHEAP_S):
            with self._making:
                if self._kept is kept:  # nobody made it while we waited
                    self._renew(version)
        elif kept.version != version and self._is_due(kept) and self._making.acquire(False):
            threading.Thread(target=self._renew_aside, args=(version,), daemon=True).start()
        kept = self._kept or kept
        assert kept is not None  # noqa: S101 - for mypy
        return kept.value, kept.version == version

    def lately(self, seconds: float) -> Value | None:
        """Give the value if it was made no longer ago than that."""
        kept = self._kept
        is_young = kept is not None and time.monotonic() - kept.made < seconds
        return kept.value if kept is not None and is_young else None

    def _is_due(self, kept: _Kept[Value]) -> bool:
        return time.monotonic() - kept.made > self._rest * kept.cost_s

    def _renew(self, version: Hashable) -> None:
        began = time.monotonic()
        value = self._make()
        self._kept = _Kept(value, version, time.monotonic() - began, time.monotonic())

    def _renew_aside(self, version: Hashable) -> None:
        try:
            self._renew(version)
        except Exception as error:
            log.warning("the console's view of the fleet could not be renewed", exc_info=error)
        finally:
            self._making.release()
