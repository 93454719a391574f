"""How often somebody may come: a rate, with a minute's worth at once."""

from collections import OrderedDict

MINUTE_S = 60.0
ROUNDING_S = 1e-6
MOST_KEYS = 65_536
"""Of whom more than these come, those who have not come for longest are forgotten."""


class Buckets:
    """Counts by the generic cell rate algorithm: one moment to remember for each key."""

    def __init__(self, a_minute: int) -> None:
        self._step = MINUTE_S / a_minute
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Count one more of `key` at `now` (seconds), or give the seconds until it may come."""
        due = max(self._due.pop(key, now), now)
        wait = due + self._step - now - MINUTE_S
        refused = wait > ROUNDING_S
        self._due[key] = due if refused else due + self._step
        if len(self._due) > MOST_KEYS:
            self._due.popitem(last=False)
        return wait if refused else 0.0
