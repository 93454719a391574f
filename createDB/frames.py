"""Reads what the database holds of some reports, in a form in which two databases compare."""

import json
import sqlite3
from collections.abc import Sequence

import pandas as pd
from sqlalchemy import Table

from createDB.schema import procesos, servers, usuarios_activos

OWN = ("id_serv", "momento", "num_agente")
"""What a database decides for itself, by what else it holds."""

FACTS = [column.name for column in servers.columns if column.name not in OWN]

LISTS = {"procesos": procesos, "usuarios_activos": usuarios_activos}

# SQL's own notation tells NULL from '' and 1 from '1', and spares pandas from guessing at types.
_ONE_OF = "IN (SELECT value FROM json_each(?))"
_FACTS_QUERY = (
    f"SELECT id_serv, {', '.join(f'quote({name}) AS {name}' for name in FACTS)} "  # noqa: S608
    f"FROM servers WHERE id_serv {_ONE_OF}"
)


def facts(connection: sqlite3.Connection, numbers: Sequence[int]) -> pd.DataFrame:
    """Give the rows of `servers` with these numbers: `id_serv` and, quoted, everything else."""
    return _read(connection, _FACTS_QUERY, numbers)


def digests(connection: sqlite3.Connection, table: Table, numbers: Sequence[int]) -> pd.DataFrame:
    """Give, for each of these reports, how many rows `table` has of it and a hash of them.

    The order of the rows doesn't count. Columns: `id_serv` (the index), `rows`, `hash`.
    """
    key = next(iter(table.primary_key.columns)).name
    names = [column.name for column in table.columns if column.name not in (key, "id_serv")]
    marks = ",".join(["%Q"] * len(names))  # each value quoted, at half the cost of quote()
    query = (
        f"SELECT id_serv, printf('{marks}', {', '.join(names)}) AS row "  # noqa: S608
        f"FROM {table.name} WHERE id_serv {_ONE_OF}"
    )
    rows = _read(connection, query, numbers)
    hashes = pd.util.hash_pandas_object(rows["row"].astype(object), index=False)
    frame = pd.DataFrame({"id_serv": rows["id_serv"], "hash": hashes})
    grouped = frame.groupby("id_serv")["hash"]
    return pd.DataFrame({"rows": grouped.size(), "hash": grouped.sum()})


def _read(connection: sqlite3.Connection, query: str, numbers: Sequence[int]) -> pd.DataFrame:
    return pd.read_sql_query(query, connection, params=(json.dumps(list(numbers)),))
