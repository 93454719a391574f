"""Who runs this: where a name is or was, as whom, since when and until when."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.queries.letters import lowered
from API.app.queries.nombres import MOST_LABELS, MOST_PERIODS
from createDB.schema import OPEN

KINDS = ("proceso", "usuario")
"""What a name may be of: a process, or somebody who runs processes or is logged in."""
MOST_SUGGESTED = 30
MOST_PLACES = 30_000
"""Of a name that is in more places, nobody counts in how many it is now, or puts them in order."""


class Sighting(NamedTuple):
    """A server that has, or had, something under a label."""

    id_agente: str
    hostname: str | None
    campo: str
    nombre: str
    valor: str | None
    first: int | None
    """When it was first seen there (ms since 1970); None where that was removed as too old."""
    last: int | None
    """When it was found to be gone; None while it is there."""
    times: int
    now: bool


def labels_of(connection: Connection, name: str, kind: str) -> list[int]:
    """Give the numbers of the labels that are exactly this name, of a kind or of both.

    At most `MOST_LABELS`: a user runs many processes, and is not looked for in all of them.
    """
    values = {"name": name, "kind": kind, "most": MOST_LABELS}
    return list(connection.exec_driver_sql(_LABELS, values).scalars())


def suggestions(connection: Connection, text: str) -> Sequence[Row[Any]]:
    """List names that have a text in them: `nombre`, and how many labels it stands in."""
    return connection.exec_driver_sql(_SUGGESTED, (lowered(text), MOST_SUGGESTED)).all()


def count_of(connection: Connection, labels: Sequence[int]) -> tuple[int, int | None]:
    """Count where labels ever were, and where they are now: servers, each once for a label.

    Of more than `MOST_PLACES` it is not told where they are now.
    """
    values = {"labels": json.dumps(labels)}
    total = connection.exec_driver_sql(_COUNT, values).scalar_one()
    if total > MOST_PLACES:
        return total, None
    return total, connection.exec_driver_sql(_COUNT_NOW, values).scalar_one()


def sightings(
    connection: Connection, labels: Sequence[int], only_now: bool, offset: int, limit: int,
    *, in_order: bool = True,
) -> list[Sighting]:  # fmt: skip
    """List where labels are or were, where they are now first, then by the server's name."""
    values = {"labels": json.dumps(labels), "now": only_now, "offset": offset, "limit": limit}
    query = _PAGE.format(order=_BY_NAME if in_order else "p.id_hecho, p.num_agente")
    rows = connection.exec_driver_sql(query, values).all()
    times = _times(connection, labels, rows)
    return [_sighting(row, times.get((row.id_hecho, row.num_agente))) for row in rows]


def _times(
    connection: Connection, labels: Sequence[int], rows: Sequence[Row[Any]]
) -> dict[tuple[int, int], Row[Any]]:
    """Give since when, until when and how often, by label and server.

    Of a name that is rare its own periods are read, else those of the servers on the page.
    """
    values = {
        "labels": json.dumps(labels),
        "servers": json.dumps(sorted({row.num_agente for row in rows})),
        "pairs": json.dumps([(row.id_hecho, row.num_agente) for row in rows]),
        "most": MOST_PERIODS,
    }
    rare = connection.exec_driver_sql(_ENDED, values).scalar_one() < MOST_PERIODS
    query = _TIMES.format(ended=_OF_LABELS if rare else _OF_SERVERS)
    found = connection.exec_driver_sql(query, values)
    return {(row.id_hecho, row.num_agente): row for row in found}


def _sighting(row: Row[Any], times: Row[Any] | None) -> Sighting:
    return Sighting(
        id_agente=row.id_agente,
        hostname=row.hostname,
        campo=row.campo,
        nombre=row.nombre,
        valor=row.valor,
        first=times.first if times else None,
        last=None if row.ahora or times is None else times.last,
        times=times.times if times else 0,
        now=bool(row.ahora),
    )


_LABELS = """
    SELECT id_hecho FROM (
        SELECT id_hecho FROM hechos
        WHERE campo = 'procesos' AND nombre = :name AND :kind IN ('', 'proceso')
        UNION SELECT id_hecho FROM hechos
        WHERE campo = 'usuarios_activos' AND nombre = :name AND :kind IN ('', 'usuario')
        UNION SELECT id_hecho FROM hechos
        WHERE campo = 'procesos' AND valor = :name AND :kind IN ('', 'usuario')
    ) h ORDER BY id_hecho LIMIT :most
"""
_SUGGESTED = """
    SELECT nombre, count(*) AS labels FROM (
        SELECT nombre FROM hechos WHERE campo IN ('procesos', 'usuarios_activos')
        UNION ALL SELECT valor FROM hechos WHERE campo = 'procesos' AND valor IS NOT NULL
    ) h WHERE instr(lower(nombre), ?) > 0 GROUP BY nombre ORDER BY length(nombre), nombre LIMIT ?
"""
_THESE = "(SELECT CAST(value AS INTEGER) FROM json_each(:labels))"
_IS_THERE = f"""EXISTS (SELECT 1 FROM periodos x
    WHERE x.num_agente = p.num_agente AND x.hasta = {OPEN} AND x.id_hecho = p.id_hecho)"""  # noqa: S608
_COUNT = f"SELECT count(*) FROM presencias WHERE id_hecho IN {_THESE}"  # noqa: S608
_COUNT_NOW = f"""
    SELECT count(*) FROM presencias p WHERE p.id_hecho IN {_THESE} AND {_IS_THERE}
"""  # noqa: S608
_BY_NAME = "ahora DESC, hostname NULLS FIRST, id_agente, campo, nombre, valor NULLS FIRST"
_PAGE = f"""
    SELECT p.id_hecho, p.num_agente, id_agente, hostname, campo, nombre, valor,
        {_IS_THERE} AS ahora
    FROM presencias p CROSS JOIN hechos USING (id_hecho) CROSS JOIN agentes USING (num_agente)
    WHERE p.id_hecho IN {_THESE} AND (NOT :now OR {_IS_THERE})
    ORDER BY {{order}} LIMIT :limit OFFSET :offset
"""  # noqa: S608
_ENDED = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM periodos WHERE id_hecho IN {_THESE} AND hasta < {OPEN} LIMIT :most) p
"""  # noqa: S608
_SERVERS = "num_agente IN (SELECT CAST(value AS INTEGER) FROM json_each(:servers))"
_OF_LABELS = f"id_hecho IN {_THESE} AND hasta < {OPEN} AND +{_SERVERS}"
_OF_SERVERS = f"{_SERVERS} AND hasta < {OPEN} AND +id_hecho IN {_THESE}"
_TIMES = f"""
    SELECT id_hecho, num_agente, min(desde) AS first, max(hasta) AS last, count(*) AS times FROM (
        SELECT id_hecho, num_agente, desde, hasta FROM periodos WHERE {{ended}}
        UNION ALL
        SELECT p.id_hecho, p.num_agente, p.desde, p.hasta
        FROM (SELECT CAST(json_extract(value, '$[0]') AS INTEGER) AS id_hecho,
            CAST(json_extract(value, '$[1]') AS INTEGER) AS num_agente FROM json_each(:pairs)) w
        CROSS JOIN periodos p ON p.num_agente = w.num_agente AND p.hasta = {OPEN}
            AND p.id_hecho = w.id_hecho
    ) p GROUP BY id_hecho, num_agente
"""  # noqa: S608
