"""While disk or database refuse, the collector says so, keeps nothing in part, and recovers."""

import resource
import sqlite3
from typing import Any

import pytest

from tests.conftest import CollectorProcess, make_report, wait_until


def test_full_disk_is_503_and_passes(collector: CollectorProcess) -> None:
    """It is full for the log too: there is nowhere to keep a report."""
    first, refused = make_report(), make_report(procesos=MANY_PROCESSES)
    assert collector.post(first).status_code == 201
    outage = FullDisk(collector)
    for _ in range(2):
        outage.begin()
        answer = collector.post(refused)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert_stored(collector, [first])
        assert collector.get("/readyz").status_code == 503
        outage.end()
    wait_until(lambda: collector.post(refused).status_code == 201, "it stores nothing")
    assert_stored(collector, [first, refused])
    assert collector.get("/readyz").status_code == 200


@pytest.mark.sqlite
def test_reports_come_in_while_somebody_reads(collector: CollectorProcess) -> None:
    reader = sqlite3.connect(collector.database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM servers").fetchone()
    try:
        assert collector.post(make_report()).status_code == 201
    finally:
        reader.close()


MANY_PROCESSES = [{"pid": number, "name": "x" * 4000} for number in range(100)]


def assert_stored(collector: CollectorProcess, reports: list[dict[str, Any]]) -> None:
    """Make sure that these and no others are in both places."""
    wanted = [report["id_reporte"] for report in reports]
    rows = collector.rows("SELECT id_reporte FROM servers ORDER BY id_serv")
    assert [row["id_reporte"] for row in rows] == wanted
    assert [line["id_reporte"] for line in collector.journal()] == wanted


class FullDisk:
    """The collector may not make files larger than so much, until the limit is lifted.

    RLIMIT_FSIZE makes a write fail with EFBIG where a full disk would say ENOSPC; both reach the
    program as an OSError of write(2) and as SQLite's own error of its I/O.
    """

    def __init__(self, collector: CollectorProcess) -> None:
        self.worker = int((collector.storage / ".lock").read_text())

    def begin(self) -> None:
        resource.prlimit(self.worker, resource.RLIMIT_FSIZE, (250_000, resource.RLIM_INFINITY))

    def end(self) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.worker, resource.RLIMIT_FSIZE, unlimited)
