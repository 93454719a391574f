"""Being a good guest: priority, memory and share of the processor, and saying when they fail."""

import os
import re
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

from messages import say, why

STATUS = Path("/proc/self/status")
THREAD_STACK = 1 << 20  # bytes; the usual 8 MiB would each count against the limit
BURST = 1.0  # seconds of processor time that are free; a cycle of 300 processes takes 0.02


def lower_priority(level: int) -> None:
    """Run with that niceness (0 to 19), or say why not."""
    try:
        os.nice(max(0, level - os.nice(0)))
    except OSError as error:
        say(f"no puedo bajar mi prioridad a {level}: {why(error)}")


def limit_memory(mebibytes: int) -> None:
    """Let no more than so many MiB of private memory be taken, or say why not.

    RLIMIT_DATA counts what is written to (since Linux 4.7, setrlimit(2)); RLIMIT_AS would count
    address space that threads only reserve.
    """
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = mebibytes << 20
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        threading.stack_size(THREAD_STACK)
    except (OSError, ValueError) as error:
        say(f"no puedo limitar mi memoria a {mebibytes} MiB: {why(error)}")


def parse_peak_memory(status: str) -> float:
    """Return VmHWM of /proc/self/status in MiB, 0 where it is not there."""
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def peak_memory() -> float:
    """Return the most memory that this program has had at a time, in MiB.

    Not ru_maxrss: that of a program begins with the peak of the process that started it.
    """
    try:
        return parse_peak_memory(STATUS.read_text("utf-8", "replace"))
    except OSError:
        return 0.0


class Budget:
    """A share of one processor, as a bucket: time fills it, work empties it, debt is slept off.

    ``share`` is a fraction of one core. Work may call pace() from several threads.
    """

    def __init__(
        self,
        share: float,
        worked: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.share = share
        self._worked, self._clock = worked, clock
        self._left, self._at, self._done = BURST, clock(), worked()
        self._lock = threading.Lock()

    def debt(self) -> float:
        """Return for how many seconds to rest so that the share is kept; 0 while within it."""
        with self._lock:
            now, done = self._clock(), self._worked()
            filled = min(BURST, self._left + self.share * (now - self._at))
            self._left = filled - (done - self._done)
            self._at, self._done = now, done
            return max(0.0, -self._left / self.share)

    def pace(self, rest: Callable[[float], object] = time.sleep, longest: float = 1.0) -> None:
        """Rest if need be, never longer than ``longest`` seconds at a time."""
        seconds = self.debt()
        if seconds > 0:
            rest(min(seconds, longest))


class Watch:
    """Says, once for each, when this process went past its limits all the same."""

    def __init__(self, memory_mib: int, budget: Budget) -> None:
        self._memory, self._budget = memory_mib, budget
        self._said: set[str] = set()

    def _once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            say(text)

    def look(self) -> None:
        """Compare what was used with what was allowed."""
        used = peak_memory()
        if used > self._memory:
            self._once("memoria", f"usé {used:.0f} MiB de memoria; el límite es {self._memory}")
        debt = self._budget.debt()
        if debt > 1:
            share = self._budget.share
            self._once("cpu", f"pasé del {share:.0%} de un procesador: me faltan {debt:.0f} s")
