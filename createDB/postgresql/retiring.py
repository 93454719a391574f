"""Takes partitions out of their tables, and what is left of them away."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection

from createDB.postgresql.partitions import HERE, OF_PERIODS, OF_REPORTS, bounds_of

GOING = "por_borrar"
"""Stands after the name of a partition that was taken out, until its table is dropped."""

COMING = "nueva"
"""Stands after the name of a table that is to become a partition."""

KEPT = "ultimos"
"""Stands after a day in the name of what is left of it: the latest reports of their servers."""


def partitions_of(connection: Connection, table: str) -> Sequence[str]:
    """Name the partitions of a table."""
    return connection.exec_driver_sql(_PARTITIONS_OF, (table,)).scalars().all()


def left_behind(connection: Connection) -> Sequence[str]:
    """Name the tables that a pass which was ended has left."""
    return connection.exec_driver_sql(_LEFT_BEHIND, (GOING, COMING)).scalars().all()


def detach(connection: Connection, names: Iterable[str]) -> None:
    """Take partitions out of their tables: nobody sees their rows after the transaction."""
    for name in names:
        table = next(t for t in (*OF_REPORTS, OF_PERIODS) if name.startswith(f"{t}_"))
        connection.exec_driver_sql(f"ALTER TABLE {table} DETACH PARTITION {name}")
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}_{GOING}")


def copy_reports(
    connection: Connection, tables: Iterable[str], day: date, numbers: Sequence[int]
) -> None:
    """Copy some reports of a day into tables of their own, which can take its partitions' place."""
    first, after = bounds_of(day)
    for table in tables:
        new = f"{table}_{day:%Y%m%d}_{KEPT}_{COMING}"
        connection.exec_driver_sql(
            f"CREATE TABLE {new} (LIKE {table}_{day:%Y%m%d} INCLUDING ALL, "
            f"CHECK (recibido >= {first} AND recibido < {after}))"
        )
        move(connection, f"{table}_{day:%Y%m%d}", new, numbers)


def attach_copies(connection: Connection, tables: Iterable[str], day: date) -> None:
    """Have the copies of a day be its partitions, which were taken out."""
    first, after = bounds_of(day)
    for table in tables:
        name = f"{table}_{day:%Y%m%d}_{KEPT}"
        connection.exec_driver_sql(f"ALTER TABLE {name}_{COMING} RENAME TO {name}")
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({after})"
        )


def move(connection: Connection, source: str, target: str, numbers: Sequence[int]) -> None:
    """Copy the rows of some reports from one table into another like it."""
    query = f"INSERT INTO {target} SELECT * FROM {source} WHERE id_serv = ANY(?)"  # noqa: S608 - ours
    connection.exec_driver_sql(query, (list(numbers),))


_PARTITIONS_OF = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(?) ORDER BY 1
"""
_LEFT_BEHIND = rf"""
    SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition
    AND {HERE}
    AND (relname LIKE '%\_' || ? OR relname LIKE '%\_' || ?)
"""  # noqa: S608 - text of our own
