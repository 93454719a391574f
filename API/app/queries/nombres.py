"""The changes of a name, read off its own periods: among all changes of a fleet it may be rare."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.facts import FIELDS
from createDB.schema import OPEN

MOST_LABELS = 100
"""A name that stands in more labels than this, under as many users, is not rare."""

MOST_PERIODS = 30_000
"""Periods that are read at once. Of a name with more, what lies further back is not found so."""


class Stretch(NamedTuple):
    """A time, from a moment on, of which the periods of some labels can be read at once."""

    labels: str
    """Their numbers, as JSON."""
    since: int
    """In milliseconds since 1970."""


class Name(NamedTuple):
    """Whose changes: a name, the user it runs under, or both; of one field, where it is said."""

    campo: str | None
    nombre: str | None
    usuario: str | None


def stretch_of(
    connection: Connection, name: Name, server: int | None, since: int, before: int, limit: int
) -> Stretch | None:
    """Find how far back the changes of a name can be read at once; None where they can not.

    Args:
        connection: to the database.
        name: as it is asked for.
        server: whose changes; None for all servers.
        since: how far back is asked for, in milliseconds since 1970.
        before: where the stretch ends.
        limit: how many changes there should be in it, if there are so many.
    """
    labels = _labels(connection, name)
    if len(labels) > MOST_LABELS:
        return None
    if server is None:
        for label in labels:
            place = (label, since, before, limit)
            since = connection.exec_driver_sql(_BACK, place).scalar() or since
        bounds = {"labels": json.dumps(labels), "since": since, "most": MOST_PERIODS + 1}
        if connection.exec_driver_sql(_COUNT, bounds).scalar_one() > MOST_PERIODS:
            return None
    return Stretch(json.dumps(labels), since)


def _labels(connection: Connection, name: Name) -> list[int]:
    """Give the numbers of the labels that a name stands in, some more than `MOST_LABELS`."""
    fields = FIELDS if name.campo is None else (name.campo,)
    columns = {"nombre": name.nombre, "valor": name.usuario}
    wanted = {column: text for column, text in columns.items() if text is not None}
    conditions = " AND ".join(f"{column} = :{column}" for column in wanted)
    query = _LABELS.format(conditions=conditions)
    parameters = wanted | {"fields": json.dumps(fields), "most": MOST_LABELS + 1}
    return list(connection.exec_driver_sql(query, parameters).scalars())


def changes_in(
    connection: Connection,
    stretch: Stretch,
    server: int | None,
    tipo: str | None,
    before: tuple[int, int, int],
    limit: int,
) -> Sequence[Row[Any]]:
    """Give the newest changes of a stretch.

    Args:
        connection: to the database.
        stretch: as `stretch_of` found it.
        server: whose changes; None for all servers.
        tipo: the kind of change, where it is asked for.
        before: moment, server and how many of their changes were shown: what is newer was, too.
        limit: how many at most.
    """
    momento, num_agente, shown = before
    parameters = stretch._asdict() | {
        "server": server, "tipo": tipo, "momento": momento, "num_agente": num_agente,
        "shown": shown, "limit": limit,
    }  # fmt: skip
    query = _CHANGES.format(periods=_OF_ALL if server is None else _OF_ONE)
    return connection.exec_driver_sql(query, parameters).all()


_LABELS = """
    SELECT id_hecho FROM json_each(:fields) CROSS JOIN hechos ON campo = value
    WHERE {conditions} LIMIT :most
"""
# The bound is a literal, as in the index, which SQLite would not use otherwise.
_ENDED = f"hasta < {OPEN}"
_BACK = f"""
    SELECT hasta FROM periodos WHERE id_hecho = ? AND {_ENDED} AND hasta >= ? AND hasta < ?
    ORDER BY hasta DESC LIMIT 1 OFFSET ?
"""  # noqa: S608 - text of our own
_THESE = "(SELECT CAST(value AS INTEGER) FROM json_each(:labels))"
_COUNT = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM periodos WHERE id_hecho IN {_THESE} AND {_ENDED} AND hasta >= :since
        UNION ALL SELECT 1 FROM presencias WHERE id_hecho IN {_THESE}
        LIMIT :most
    ) p
"""  # noqa: S608
_COLUMNS = "num_agente, id_hecho, pid, desde, hasta, propio"
_OF_ONE = f"""
    SELECT {_COLUMNS} FROM periodos
    WHERE num_agente = :server AND hasta >= :since AND id_hecho IN {_THESE}
"""  # noqa: S608
_OF_ALL = f"""
    SELECT {_COLUMNS} FROM periodos WHERE id_hecho IN {_THESE} AND {_ENDED} AND hasta >= :since
    UNION ALL
    SELECT {_COLUMNS} FROM presencias CROSS JOIN periodos USING (num_agente, id_hecho)
    WHERE id_hecho IN {_THESE} AND hasta = {OPEN}
"""  # noqa: S608
_CHANGES = f"""
    WITH p ({_COLUMNS}) AS MATERIALIZED ({{periods}}),
    m AS (
        SELECT 'inicia' AS tipo, desde AS momento, num_agente, id_hecho, pid, propio FROM p
        UNION ALL SELECT 'termina', hasta, num_agente, id_hecho, pid, propio FROM p WHERE {_ENDED}
    )
    SELECT tipo, m.momento, num_agente, id_agente, hostname, campo, nombre, valor, pid
    FROM m JOIN hechos USING (id_hecho) JOIN agentes a USING (num_agente)
    WHERE m.momento >= :since AND (m.momento, num_agente) <= (:momento, :num_agente)
        AND NOT ((m.momento, num_agente) = (:momento, :num_agente) AND :shown = 0)
        AND propio = 0 AND coalesce(:tipo, tipo) = tipo
    ORDER BY 2 DESC, 3 DESC, 1 DESC, 6, 9, 7, 8 NULLS FIRST LIMIT :limit OFFSET :shown
"""  # noqa: S608
