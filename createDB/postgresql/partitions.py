"""The partitions that there are, which are made ahead of time."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from createDB.schema import OPEN

OF_REPORTS = ("servers", "procesos", "usuarios_activos")
"""Tables with a partition for each day, by `recibido`."""

OF_PERIODS = "periodos"
"""The table with a partition for each month, by `hasta`."""

DAYS_AHEAD = 7
"""What comes later all the same lies in `*_resto`."""


def make_first_partitions(connection: Connection) -> None:
    """Make those of new tables: of what is open, of whatever has no place of its own, and ahead."""
    _make(connection, OF_PERIODS, f"{OF_PERIODS}_abiertos", str(OPEN), "MAXVALUE")
    for table in (*reports_tables(connection), OF_PERIODS):
        connection.exec_driver_sql(f"CREATE TABLE {table}_resto PARTITION OF {table} DEFAULT")
    make_ahead(connection, datetime.now(UTC).date())


def make_ahead(connection: Connection, today: date) -> None:
    """Make the partitions of the days and months to come, where they are not there yet."""
    make_partitions(connection, today, today + timedelta(days=DAYS_AHEAD))


def make_partitions(connection: Connection, first: date, last: date) -> None:
    """Make the partitions of the days from `first` to `last`, and of their months."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    make_days(connection, days)
    make_months(connection, days)


def make_days(connection: Connection, days: Iterable[date]) -> None:
    """Make the partitions of the reports of some days."""
    there = set(connection.exec_driver_sql(_PARTITIONS).scalars())
    tables = reports_tables(connection)
    for day in days:
        for table in tables:
            if (name := f"{table}_{day:%Y%m%d}") not in there:
                _make(connection, table, name, *bounds_of(day))


def make_months(connection: Connection, days: Iterable[date]) -> None:
    """Make the partitions of the periods that ended in the months in which some days lie."""
    there = set(connection.exec_driver_sql(_PARTITIONS).scalars())
    for month in sorted({day.replace(day=1) for day in days}):
        if (name := f"{OF_PERIODS}_{month:%Y%m}") not in there:
            _make(connection, OF_PERIODS, name, str(_ms(month)), str(_ms(_next(month))))


def bounds_of(day: date) -> tuple[str, str]:
    """Give the bounds of a day's partition, as statements have them."""
    return f"'{day}'", f"'{day + timedelta(days=1)}'"


def _make(connection: Connection, table: str, name: str, first: str, after: str) -> None:
    connection.exec_driver_sql(
        f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({after})"
    )


def reports_tables(connection: Connection) -> list[str]:
    """Name the tables of reports that are tables: in `compacto` two of them are views."""
    found = set(connection.exec_driver_sql(_PARTITIONED).scalars())
    return [table for table in OF_REPORTS if table in found]


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


HERE = "relnamespace = current_schema()::regnamespace"
"""What makes a row of `pg_class` one of this database's tables."""

_PARTITIONED = f"SELECT relname FROM pg_class WHERE relkind = 'p' AND {HERE}"  # noqa: S608
_PARTITIONS = f"SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND {HERE}"  # noqa: S608
