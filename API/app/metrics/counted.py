"""What the processes that serve count while they serve, in files that all of them can read.

Any of them is asked, and answers for all (prometheus_client's multiprocess mode, in which each
process counts in a file of its own). A start begins anew, as Prometheus expects of a counter.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram, Metric, multiprocess, values
from prometheus_client.registry import Collector as Asked

FOLDER = "metricas"
"""Of the storage folder."""

SAMPLE_S = 1.0
"""How often the queue is looked at, in seconds."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

OUTCOMES = {
    201: "guardado",
    202: "pendiente",
    200: "repetido",
    400: "incorrecto",
    401: "rechazado",
    403: "rechazado",
    409: "clon",
    413: "incorrecto",
    415: "incorrecto",
    429: "aplazado",
    503: "aplazado",
}
"""What became of a report, by its answer's status; of all others, `fallido`."""
FAILED = "fallido"

OTHER = "otro"
"""Whatever is no path or method of ours: anybody may ask for any."""

METHODS = ("GET", "POST", "HEAD")


def prepare(storage: Path) -> Path:
    """Make the folder anew, before any process counts in it."""
    folder = storage / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o750)
    return folder


class Counted:
    """What one process counts; used by its event loop alone."""

    def __init__(self, storage: Path, paths: Iterable[str]) -> None:
        """Make it; a process makes one.

        Args:
            storage: the collector's folder.
            paths: of the routes, whose first parts tell requests apart.
        """
        os.environ.update(PROMETHEUS_MULTIPROC_DIR=str(storage / FOLDER))
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        self._first = {path.split("/")[1].partition(".")[0] for path in paths}
        self._known: dict[tuple[str, str, int], _Kind] = {}
        self._reports = Counter(
            "compliance_reportes", "Reports that came, by what became of them.", ("resultado",),
            registry=None,
        )  # fmt: skip
        self._requests = Counter(
            "compliance_peticiones", "Requests that were answered.",
            ("metodo", "recurso", "codigo"), registry=None,
        )  # fmt: skip
        self._seconds = Histogram(
            "compliance_peticion_seconds", "From a request's headers until it is answered.",
            ("metodo", "recurso"), registry=None, buckets=SECONDS,
        )  # fmt: skip
        self._waiting = Gauge(
            "compliance_cola", "Reports that wait to be stored.", registry=None,
            multiprocess_mode="livesum",
        )  # fmt: skip
        for outcome in {*OUTCOMES.values(), FAILED}:
            self._reports.labels(outcome)

    def watch(self, loop: asyncio.AbstractEventLoop, waiting: Callable[[], int]) -> None:
        """Note how many reports wait, from now on, as long as `loop` runs."""
        loop.call_later(SAMPLE_S, self.watch, loop, waiting)
        self._waiting.set(waiting())

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        first = path.split("/", 2)[1].partition(".")[0] if "/" in path else OTHER
        key = (method if method in METHODS else OTHER, first, status)
        kind = self._known.get(key)
        if kind is None:
            kind = self._kind(*key)
            if first in self._first:
                self._known[key] = kind
        kind.requests.inc()
        kind.seconds.observe(seconds)
        if kind.reports:
            kind.reports.inc()

    def _kind(self, method: str, first: str, status: int) -> "_Kind":
        resource = first if first in self._first else OTHER
        is_report = (method, resource) == ("POST", "servers")
        outcome = OUTCOMES.get(status, FAILED)
        return _Kind(
            self._requests.labels(method, resource or "/", str(status)),
            self._seconds.labels(method, resource or "/"),
            self._reports.labels(outcome) if is_report else None,
        )


class _Kind:
    """The counters of requests of one kind, at hand."""

    __slots__ = ("reports", "requests", "seconds")

    def __init__(self, requests: Counter, seconds: Histogram, reports: Counter | None) -> None:
        self.requests = requests
        self.seconds = seconds
        self.reports = reports


class AllCounted(Asked):
    """Gives what all processes of this start have counted."""

    def __init__(self, storage: Path) -> None:
        self._folder = storage / FOLDER

    def collect(self) -> Iterable[Metric]:
        """Read the files, but for those that a process is just making, which are empty yet."""
        for file in self._folder.glob("gauge_live*.db"):
            process = int(file.stem.rpartition("_")[2])
            if not Path(f"/proc/{process}").exists():
                multiprocess.mark_process_dead(process, str(self._folder))  # type: ignore[no-untyped-call]
        files = [str(file) for file in self._folder.glob("*.db") if _is_begun(file)]
        found: Iterable[Metric] = multiprocess.MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return found


def _is_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False  # of a process that is gone, and taken away by whoever else was asked
