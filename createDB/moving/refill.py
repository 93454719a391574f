"""Fills a database of PostgreSQL from the JSON logs of one collector or several."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from API.app.ingest.entry import Entry
from API.app.ingest.journal import Mark
from API.app.ingest.positions import remember
from API.app.ingest.store import Store, moment_of, utc_now
from API.app.storage import known_name
from createDB.engine import open_engine
from createDB.moving.target import claim, connected, finish
from createDB.postgresql.partitions import make_days, make_months
from createDB.reading import LogReader
from createDB.rebuild import Into, store_all
from createDB.views import Layout


def refill(url: URL, logs: Sequence[LogReader], layout: Layout) -> tuple[list[str], int]:
    """Store what is in `logs`; what a run that was interrupted has stored is there already.

    Returns:
        what to say of reports whose number was taken, and how many reports there are now.

    Raises:
        DatabaseUnusableError: it can't be done; what has been stored stays.
    """
    folders = " ".join(str(log.folder.absolute()) for log in logs)
    with connected(url) as connection:
        claim(connection, layout, f"--from-log {folders}", f"{layout} {folders}")
        engine = open_engine(url, wait_ms=0, durable=False)
        try:
            days = _Days(engine)
            moved = store_all(Into(engine, Store(rows=layout is Layout.COMPLETO), days.make), logs)
        finally:
            engine.dispose()
        with connection.begin():
            for log in logs:
                # Without a name of its own, a collector reads its log once more when it starts.
                if owner := known_name(log.folder.parent):
                    for name, position in log.positions():
                        remember(connection, Mark(f"{owner}/{name}", position))
            query = "SELECT count(*) FROM servers"
            stored = int(connection.exec_driver_sql(query).scalar_one())
        finish(connection)
    return moved, stored


class _Days:
    """Makes the partitions that reports need, before they are stored."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: set[date] = set()
        self._months: set[date] = set()

    def make(self, entries: Sequence[Entry]) -> None:
        """Make those of some reports."""
        days, months = set(), set()
        for entry in entries:
            came = entry.recibido or utc_now()
            days.add(came.date())
            months.add(moment_of(entry.report.fecha_hora, came).date().replace(day=1))
        if days <= self._made and months <= self._months:
            return
        with self._engine.begin() as connection:
            make_days(connection, sorted(days - self._made))
            make_months(connection, months - self._months)
        self._made |= days
        self._months |= months
