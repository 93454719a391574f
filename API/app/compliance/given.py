"""Questions about many reports or servers at once: what they are asked of is given as one table."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection


def given(*names: str) -> str:
    """Write rows of numbers that a parameter has as the table `dados`, whose rows are read once.

    Args:
        names: of its columns.
    """
    columns = ", ".join(
        f"CAST(json_extract(value, '$[{place}]') AS BIGINT) AS {name}"
        for place, name in enumerate(names)
    )
    return f"WITH dados AS MATERIALIZED (SELECT {columns} FROM json_each(?))"  # noqa: S608


def asked(
    connection: Connection, statement: str, rows: Collection[Any], *values: Any
) -> Sequence[tuple[Any, ...]]:
    """Ask for what belongs to some rows; for none of them nothing is asked.

    Args:
        connection: to the database.
        statement: with the table of `given` first.
        rows: of that table.
        values: of the parameters that come after it; a collection is given as a JSON array.
    """
    if not rows:
        return ()
    texts = (_json(value) if isinstance(value, Collection) else value for value in values)
    found = connection.exec_driver_sql(statement, (_json(rows), *texts))
    return [tuple(row) for row in found.all()]


def _json(values: Collection[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()
