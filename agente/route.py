"""The way to several collectors: the agent's own one, and the others while that is away.

A report goes to the first collector that takes it, in this installation's order (identity.ranked).
One that did not is left alone for a time that is drawn by lot, so that after an outage its servers
come back to it one by one, over a few intervals. What it asked for (``Retry-After``) is kept
besides. When none is left, those that are only left alone are tried all the same.
"""

import random
import time
from collections.abc import Sequence

from messages import say
from report import LONGEST_TEXT
from transport import TOO_MANY, Outcome, Verdict, Way

LONGEST_INTERVAL = 900.0  # seconds: who reports once a day looks after its collector more often


def absence(interval: float, chance: float) -> float:
    """Return for how many seconds to leave a collector alone: one to four intervals, by lot.

    A fleet that reports every five minutes is back within twenty after an outage, evenly spread,
    and meanwhile asks a collector that is away less than once in two reports.
    """
    return min(max(1.0, interval), LONGEST_INTERVAL) * (1 + 3 * chance)


def is_about_us(outcome: Outcome) -> bool:
    """Tell whether an outcome would be the same elsewhere: taken, wrong, or too much from us."""
    if outcome.verdict in {Verdict.DELIVERED, Verdict.WRONG}:
        return True
    return outcome.answer is not None and outcome.answer.status == TOO_MANY


class Stop:
    """A collector on the way, and until when (monotonic) it is not to be turned to."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.left_until = 0.0  # unless no other takes the report
        self.asked_until = 0.0  # whatever the others do
        self.trouble = ""  # why it took nothing the last time
        self.told = False  # whether the operator knows


class Route:
    """The way to several collectors, in order of preference. Used by one thread."""

    def __init__(self, ways: Sequence[Way], interval: float) -> None:
        self._stops = [Stop(way) for way in ways]
        self._interval = interval
        self.url = ", ".join(way.url for way in ways)

    def close(self) -> None:
        """Close the connections."""
        for stop in self._stops:
            stop.way.close()

    def send(self, body: bytes) -> Outcome:
        """Send a gzipped report to the first collector that takes it.

        When none does: what the first that doubts it said, or else the first at all; and how long
        none wants to be asked again.
        """
        refusals = []
        for stop in self._in_turn(time.monotonic()):
            outcome = stop.way.send(body)
            if is_about_us(outcome):
                self._arrived(stop)
                return outcome
            self._leave(stop, outcome)
            refusals.append(outcome)
        pause = max(0.0, min(s.asked_until for s in self._stops) - time.monotonic())
        doubts = [refusal for refusal in refusals if refusal.verdict is Verdict.DISPUTED]
        said = next(iter(doubts or refusals), None)
        if said is None:  # each is waiting for its time
            said = Outcome(Verdict.NOT_NOW, self._stops[0].trouble)
        return said._replace(pause=pause)

    def _in_turn(self, now: float) -> list[Stop]:
        """Return the collectors to try: in order of preference, those left alone at the end."""
        ready = [stop for stop in self._stops if stop.asked_until <= now]
        return sorted(ready, key=lambda stop: stop.left_until > now)

    def _leave(self, stop: Stop, outcome: Outcome) -> None:
        now = time.monotonic()
        if stop.left_until <= now:
            lot = random.random()  # noqa: S311 - spreading a fleet is no secret
            stop.left_until = now + absence(self._interval, lot)
        stop.asked_until = now + outcome.pause
        stop.trouble = outcome.reason

    def _arrived(self, stop: Stop) -> None:
        """Note that a collector is there; say who was left for it, and who is back, once."""
        if stop.told:
            say(f"{stop.way.url} vuelve a recibir")
        stop.left_until, stop.trouble, stop.told = 0.0, "", False
        for other in self._stops:
            if other.trouble and not other.told:
                other.told = True
                reason = other.trouble[:LONGEST_TEXT]
                say(f"{other.way.url} no recibe ({reason}); sigo con {stop.way.url}")
