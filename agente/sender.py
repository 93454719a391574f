"""Emptying the spool: oldest first, at the collector's pace, in a thread of its own.

A collector that hangs never delays a gathering. The thread is a daemon: the end of the process
never waits for the network, and what was not confirmed is still in the spool.
"""

import math
import random
import threading

from guest import Budget
from messages import say, why
from report import LONGEST_TEXT
from spool import Spool, describe_answer
from transport import Outcome, Verdict, Way

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
DISPUTES = 5  # refusals of one report before asking whether another one passes
PROBES = 4  # others that are tried then, at most, at each attempt


def next_pause(failures: int, interval: float, asked: float, chance: float) -> float:
    """Return seconds to wait after so many failures in a row.

    Doubling from a second up to five minutes, never longer than the interval, so that a fleet
    tries no more often than it reports; shortened by up to half at random (``chance``, 0 to 1), so
    that it does not come back as one; never less than the collector asked for.
    """
    longest = min(LONGEST_PAUSE, max(1.0, interval))
    pause = min(math.ldexp(min(FIRST_PAUSE, interval), min(failures - 1, 20)), longest)
    return max(asked, pause * (1 - chance / 2))


def probes(others: list[str], turn: int) -> list[str]:
    """Return which of the other reports to try, each once: some in order, and the newest.

    Those in order go on from where the turn before ended, so that in the end each one is tried.
    """
    if not others:
        return []
    start = turn * (PROBES - 1) % len(others)
    in_order = (others[start:] + others[:start])[: PROBES - 1]
    return list(dict.fromkeys([*in_order, others[-1]]))


class Sender:
    """Sends what waits in a spool, until told to stop."""

    def __init__(self, spool: Spool, transport: Way, budget: Budget, interval: float) -> None:
        self._spool, self._transport, self._budget = spool, transport, budget
        self._interval = interval
        self._stop, self._work = threading.Event(), threading.Event()
        self._failures = 0
        self._said = ""
        self._passed: dict[str, str] = {}  # reports this drain passes over, and why
        self._told: set[str] = set()  # those that the operator knows of

    def stop(self) -> None:
        """End the pauses and the work, after the exchange that is under way."""
        self._stop.set()
        self._work.set()

    def wake(self) -> None:
        """Say that there is a new report; a pause that is under way goes on."""
        self._work.set()

    def run(self) -> None:
        """Send reports as they come, until stop()."""
        while not self._stop.is_set():
            pause = self.drain()
            if pause:
                self._stop.wait(pause)
            else:
                self._work.wait()
                self._work.clear()

    def drain(self) -> float:
        """Send what waits; return for how long to pause, 0 once nothing is left to send.

        What the disk does not let go of is passed over, and tried again by the next drain.
        """
        self._passed.clear()
        try:
            while not self._stop.is_set() and (name := self._spool.oldest(self._passed)):
                pause = self._step(name)
                if pause:
                    return pause
                self._budget.pace(self._stop.wait)
        finally:
            self._transport.close()
            self._tell_passed()
        return 0.0

    def _tell_passed(self) -> None:
        """Say which reports were passed over, once for each."""
        new = [name for name in self._passed if name not in self._told]
        if new:
            self._told.update(new)
            reason = self._passed[new[0]]
            say(f"no puedo leer o mover reportes del spool, sigo sin ellos: {len(new)} ({reason})")

    def _step(self, name: str) -> float:
        """Send the oldest report; return for how long to pause."""
        try:
            outcome = self._send(name)
            if outcome is None:
                return 0.0
            if outcome.verdict is Verdict.DISPUTED:
                outcome = self._settle(name, outcome)
            return self._conclude(name, outcome)
        except OSError as error:  # the spool's own disk
            self._passed[name] = why(error)
            return 0.0
        except Exception as error:  # noqa: BLE001 - a thread that ends would end delivery
            return self._not_now(Outcome(Verdict.NOT_NOW, f"fallo del agente: {error!r}"))
        finally:
            self._spool.release()

    def _send(self, name: str) -> Outcome | None:
        """Send one report; None when it is gone, unreadable, or was set aside as damaged."""
        try:
            body = self._spool.take(name)
        except OSError as error:
            self._passed[name] = why(error)
            return None
        except ValueError as error:
            self._spool.set_aside(name, f"dañado en el disco: {error}\n")
            say(f"un reporte del spool está dañado y queda en rechazados/: {name}")
            return None
        return None if body is None else self._transport.send(body)

    def _settle(self, name: str, outcome: Outcome) -> Outcome:
        """Decide whose fault a disputed report is, once it was refused a few times.

        If the collector takes another report and then refuses this one again, it is this one's.
        """
        times = self._spool.dispute(name)
        if times < DISPUTES:
            return outcome
        others = [n for n in self._spool.names() if n != name and n not in self._passed]
        for other in probes(others, times - DISPUTES):
            self._budget.pace(self._stop.wait)
            if self._stop.is_set():
                break
            probe = self._send(other)
            if probe and probe.verdict is Verdict.DELIVERED:
                self._spool.delivered(other)
                return self._again(name, outcome)
            if probe and probe.verdict is Verdict.NOT_NOW:
                return probe
        return outcome

    def _again(self, name: str, before: Outcome) -> Outcome:
        """Send a disputed report once more, now that the collector is known to take reports."""
        again = self._send(name)
        if again is None:
            return before._replace(verdict=Verdict.NOT_NOW)
        return again._replace(verdict=Verdict.WRONG) if again.verdict is before.verdict else again

    def _conclude(self, name: str, outcome: Outcome) -> float:
        """Do what an outcome asks for; return for how long to pause."""
        if outcome.verdict is Verdict.DELIVERED:
            self._spool.delivered(name)
        elif outcome.verdict is Verdict.WRONG:
            self._refused(name, outcome)
        else:
            return self._not_now(outcome)
        if self._said:
            say("el colector vuelve a recibir reportes")
        self._failures, self._said = 0, ""
        return outcome.pause

    def _refused(self, name: str, outcome: Outcome) -> None:
        answer = outcome.answer
        body = answer.body if answer else b""
        self._spool.set_aside(
            name, describe_answer(answer.status if answer else 0, outcome.reason, body)
        )
        say(f"el colector dice que un reporte está mal; queda en rechazados/: {outcome.reason}")

    def _not_now(self, outcome: Outcome) -> float:
        """Say why nothing can be delivered, once for each reason, and return the pause."""
        self._failures += 1
        if outcome.reason != self._said:
            waiting = len(self._spool.names())
            self._said = outcome.reason
            reason = outcome.reason[:LONGEST_TEXT]
            takes = "reciben" if ", " in self._transport.url else "recibe"
            say(f"{self._transport.url} no {takes} ({reason}); reportes en espera: {waiting}")
        chance = random.random()  # noqa: S311 - jitter is no secret
        return next_pause(self._failures, self._interval, outcome.pause, chance)
