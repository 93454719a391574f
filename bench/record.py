"""What is noted while a simulated fleet reports, and what is told of it afterwards."""

import sys
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.herd import Herd
from bench.lines import Lines
from bench.parts import JUDGE, SERVING, SIMULATOR, WRITER, Use, processes, use_of
from bench.servers import Plan
from bench.truth import Findings

PARTS = (WRITER, SERVING, JUDGE, SIMULATOR)
WINDOW = 10
"""Samples over which the best rate is looked for: some seconds."""


class Sample(NamedTuple):
    """How it stood at one moment."""

    at: float
    answers: int
    waiting: int
    """Reports that were gathered and not delivered."""
    queued: int
    """Of those, the ones that could go, had there been a free connection."""
    cpu: dict[str, float]
    """Seconds that each part has taken since the start."""


class Record:
    """Notes how it stands, every second."""

    def __init__(self, herd: Herd, storage: Path, log: Path) -> None:
        self._herd, self._storage, self._log = herd, storage, log
        self._pids: dict[str, list[int]] = {}
        self._last = dict.fromkeys(PARTS, 0.0)
        self._cpu = dict.fromkeys(PARTS, 0.0)
        self._peak = dict.fromkeys(PARTS, 0.0)
        self.samples: list[Sample] = []
        self._began, self._answers = 0.0, 0
        self._returned: float | None = None
        self._ended = 0.0
        self._refused = 0

    def look_for_parts(self) -> None:
        """Find the processes of a collector that has just started."""
        self._pids = processes(self._storage, self._log)
        self._last |= {part: use_of(pids).cpu for part, pids in self._pids.items()}

    def begin(self, lines: Lines) -> None:
        """Note that what is measured begins."""
        self._began, self._answers = lines.now(), len(lines.latencies)

    def away(self) -> None:
        """Note that the collector is gone, and was meant to be."""
        self._pids = {SIMULATOR: self._pids[SIMULATOR]}
        self._refused = -sum(self._failed())

    def back(self, at: float) -> None:
        """Note that it is there again."""
        self._refused += sum(self._failed())
        self._returned = at

    def _failed(self) -> list[int]:
        good = (200, 201, 409)
        return [count for status, count in self._herd.statuses.items() if status not in good]

    def end(self, at: float) -> None:
        """Note that nothing more is gathered."""
        self._ended = at

    def tick(self, lines: Lines, at: float) -> None:
        """Take a sample, and show where it stands."""
        for part, pids in self._pids.items():
            use: Use = use_of(pids)
            self._cpu[part] += max(0.0, use.cpu - self._last[part])
            self._last[part] = use.cpu
            self._peak[part] = max(self._peak[part], use.peak)
        herd = self._herd
        sample = Sample(at, len(lines.latencies), herd.waiting, len(herd.ready), dict(self._cpu))
        self.samples.append(sample)
        rate = _rate(self.samples[-WINDOW:])
        text = f"{at:6.0f} s  {sample.answers:9,} stored  {rate:6.0f}/s  {herd.waiting:8,} waiting"
        print(f"{text}  {sum(self._failed()):,} put off", end="\r", file=sys.stderr)

    def result(
        self, latencies: "array[float]", grown: int, unjudged: int, found: Findings, cores: int
    ) -> "Result":
        """Sum it all up."""
        during = [s for s in self.samples if self._began <= s.at <= self._ended + 1]
        return Result(
            self._herd, during, self._returned, latencies[self._answers :], grown, unjudged, found,
            cores,
            errors=sum(self._failed()) - self._refused, refused=self._refused, peak=self._peak,
        )  # fmt: skip


def _rate(samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (last.answers - first.answers) / (last.at - first.at) if last.at > first.at else 0.0


class Result(NamedTuple):
    """How a run went."""

    herd: Herd
    samples: list[Sample]
    returned: float | None
    """When the collector was back after an outage."""
    latencies: "array[float]"
    grown: int
    """Bytes that the database has more."""
    unjudged: int
    found: Findings
    cores: int
    errors: int
    """Answers, or ends of a connection, that stored nothing, but for the outage's."""
    refused: int
    peak: dict[str, float]

    @property
    def plan(self) -> Plan:
        """What was simulated."""
        return self.herd.servers.plan

    def is_right(self) -> bool:
        """Tell whether every report arrived once, and the history is what happened."""
        return not any(self.found) and not self.herd.waiting

    def rates(self) -> list[float]:
        """Give the reports a second around each sample but the first ones."""
        ends = range(WINDOW, len(self.samples))
        return [_rate(self.samples[end - WINDOW : end + 1]) for end in ends]

    def under_load(self) -> float:
        """Give the lowest rate while reports waited for a connection, against the best one."""
        rates = self.rates()
        queued = [
            rate
            for rate, end in zip(rates, range(WINDOW, len(self.samples)), strict=True)
            if all(
                sample.queued and sample.at > (self.returned or 0.0)
                for sample in self.samples[end - WINDOW : end + 1]
            )
        ]
        return min(queued, default=0.0) / max(rates, default=1.0)

    def percentile(self, share: float) -> float:
        """Give the milliseconds that a share of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return 1_000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def cpu(self, part: str) -> float:
        """Give the share of one processor that a part took."""
        first, last = self.samples[0], self.samples[-1]
        return (last.cpu[part] - first.cpu[part]) / (last.at - first.at)

    def collector(self) -> float:
        """Give the share of the machine that the collector took."""
        return sum(self.cpu(part) for part in PARTS if part != SIMULATOR) / self.cores

    def bytes_a_day(self) -> float:
        """Give what a server adds to the database in a day of its life."""
        days = self.samples[-1].at * self.plan.speed / 86_400
        return self.grown / self.plan.servers / days

    def table(self) -> str:
        """Write it all as tables of Markdown."""
        plan, rates = self.plan, self.rates() or [_rate(self.samples)]
        cells = {
            "servers": f"{plan.servers:,}",
            "interval": f"{plan.interval:g} s",
            "layout": str(plan.layout),
            "reports/s": f"{_rate(self.samples):,.0f}",
            "best 10 s": f"{max(rates):,.0f}",
            "p50": f"{self.percentile(0.5):.0f} ms",
            "p99": f"{self.percentile(0.99):.0f} ms",
            "errors": f"{self.errors:,}",
            "collector, of the machine": f"{100 * self.collector():.0f} %",
            "a server and day": f"{self.bytes_a_day() / 1_000:,.0f} kB",
        }
        parts = [
            f"| {part} | {100 * self.cpu(part):.0f} % | {self.peak[part]:.0f} MiB |"
            for part in PARTS
        ]
        lines = [
            f"| {' | '.join(cells)} |", "| ---: " * len(cells) + "|",
            f"| {' | '.join(cells.values())} |", "",
            "| part | of one processor | memory at most |", "| --- | ---: | ---: |", *parts, "",
            *self._said(),
        ]  # fmt: skip
        return "\n".join(["", *lines])

    def _said(self) -> Iterator[str]:
        counts = {
            "answered again": self.herd.found,
            "new identities": len(self.herd.renamed),
            "not delivered": self.herd.waiting,
            "not judged at the end": self.unjudged,
            "lost": self.found.lost,
            "strange": self.found.strange,
            "numbers that are wrong": self.found.numbers,
            "servers with another history": self.found.servers,
        }
        yield "; ".join(f"{name}: {count:,}" for name, count in counts.items())
        statuses = sorted(self.herd.statuses.items())
        yield "answers: " + "; ".join(f"{status}: {count:,}" for status, count in statuses)
        if self.returned is not None:
            after = [sample for sample in self.samples if sample.at >= self.returned]
            usual = 2 * self.samples[len(self.samples) // 4].waiting + self.plan.servers / 100
            caught_up = next((s.at for s in after if s.waiting < usual), None)
            took = "not" if caught_up is None else f"in {caught_up - self.returned:.0f} s"
            most = max(sample.waiting for sample in self.samples)
            yield (
                f"outage: {self.refused:,} attempts refused, {most:,} reports waited, caught up "
                f"{took}; lowest rate while reports waited for a connection: "
                f"{100 * self.under_load():.0f} % of the best"
            )

    def plot(self, path: Path) -> None:
        """Draw the run over its time."""
        from matplotlib.figure import Figure

        drawing = Figure(figsize=(8, 6), layout="constrained")
        above, middle, below = drawing.subplots(3, sharex=True)
        at = [sample.at for sample in self.samples]
        pairs = list(zip(self.samples, self.samples[1:], strict=False))
        above.plot(at[1:], [_rate(pair) for pair in pairs], color="#2b6cb0")
        above.set_ylabel("reports a second")
        middle.plot(at, [sample.waiting for sample in self.samples], color="#c05621")
        middle.set_ylabel("reports waiting")
        shares = [
            [100 * (b.cpu[part] - a.cpu[part]) / (b.at - a.at) for a, b in pairs] for part in PARTS
        ]
        below.stackplot(at[1:], shares, labels=PARTS)
        below.set_ylabel("% of a processor")
        below.set_xlabel("seconds")
        below.legend(loc="upper left")
        drawing.savefig(path)
