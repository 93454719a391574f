"""Statistics of the partitioned tables, by which PostgreSQL plans.

It keeps those of partitions itself, but never of the tables that they belong to; without these, a
question to a whole table may be planned as if it were empty
(https://www.postgresql.org/docs/current/sql-analyze.html).
"""

from sqlalchemy import Connection

from createDB.postgresql.partitions import HERE


def refresh(connection: Connection) -> list[str]:
    """Analyse the tables whose statistics are a day old, or tell of half or twice the rows.

    Nobody who reads or writes waits for it.

    Returns:
        the names of the tables.
    """
    stale = list(connection.exec_driver_sql(_STALE).scalars())
    for table in stale:
        connection.exec_driver_sql(f"ANALYZE {table}")
    return stale


_STALE = f"""
    SELECT parent.relname FROM pg_class AS parent
    JOIN pg_inherits ON inhparent = parent.oid
    JOIN pg_stat_user_tables AS part ON part.relid = inhrelid
    LEFT JOIN pg_stat_user_tables AS own ON own.relid = parent.oid
    WHERE parent.relkind = 'p' AND parent.{HERE}
    GROUP BY parent.oid, parent.relname, parent.reltuples, own.last_analyze
    HAVING sum(part.n_live_tup) > 0 AND (
        sum(part.n_live_tup) NOT BETWEEN parent.reltuples / 2 AND parent.reltuples * 2
        OR coalesce(own.last_analyze < now() - interval '1 day', true))
    ORDER BY parent.relname
"""  # noqa: S608 - text of our own
