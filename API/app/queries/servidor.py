"""One server over time: what lived on it, what changed, which reports it sent."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.queries.estados import STATE, as_bound
from API.app.queries.letters import lowered
from createDB.schema import OPEN

MOST_LIVES = 5_000
"""Periods that had ended which are shown at once; those that ended last."""
MOST_CHANGES = 2_000


class Life(NamedTuple):
    """Something that was true of a server for a time."""

    campo: str
    nombre: str
    valor: str | None
    pid: int | None
    desde: int
    hasta: int | None
    """None while it is true."""
    inicio: int | None
    veces: int


class Lives(NamedTuple):
    """What was true in a window."""

    lives: list[Life]
    complete_from: int
    """What ended before is left out, for there was too much."""


class Change(NamedTuple):
    """Something that began or ceased to be true."""

    momento: int
    tipo: str
    campo: str
    nombre: str
    valor: str | None
    pid: int | None


class Changes(NamedTuple):
    """Some changes, newest first; and before which moment the next page begins."""

    changes: list[Change]
    end: int | None
    cut: bool = False
    """Whether the last moment may have had more of them."""


def server(connection: Connection, id_agente: str, at: datetime) -> Row[Any] | None:
    """Give a server, how it stands, and since when there is something to say of it.

    Args:
        connection: to the database.
        id_agente: the server.
        at: the time by which it stands as it does (UTC without an offset).
    """
    values = {"id": id_agente, "ahora": as_bound(at)}
    return connection.exec_driver_sql(_SERVER, values).first()


def lives(
    connection: Connection, num_agente: int, fields: Collection[str], desde: int, hasta: int
) -> Lives:
    """Give what of these fields was true of a server in a window (ms since 1970).

    What is true at its end is never left out: it is no more than one report has.
    """
    values = {"server": num_agente, "fields": json.dumps(list(fields)), "desde": desde,
              "hasta": hasta, "most": MOST_LIVES + 1}  # fmt: skip
    there = connection.exec_driver_sql(_THERE, values).all()
    gone = connection.exec_driver_sql(_GONE, values).all()
    shown = gone[:MOST_LIVES]
    complete_from: int = shown[-1].hasta if len(gone) > len(shown) else desde
    return Lives([_life(row) for row in (*there, *shown)], complete_from)


def changes_beside(
    connection: Connection, num_agente: int, momento: int
) -> tuple[int | None, int | None]:
    """Give the moments of the last change before a moment, and of the first one after it."""
    values = {"server": num_agente, "en": momento}
    before, after = connection.exec_driver_sql(_BESIDE, values).one()
    return before, after


def report_before(connection: Connection, num_agente: int, momento: int) -> int | None:
    """Give the moment of the report before the one that tells of a moment."""
    values = {"server": num_agente, "en": momento}
    found: int | None = connection.exec_driver_sql(_REPORT_BEFORE, values).scalar()
    return found


def changes_of(
    connection: Connection, num_agente: int, before: int, field: str, search: str, limit: int
) -> Changes:
    """List what changed on a server up to a moment, newest first.

    Args:
        connection: to the database.
        num_agente: the server.
        before: the last moment that counts, in milliseconds since 1970.
        field: of the report; empty for all of them.
        search: a part of a name or a user.
        limit: how many there should be. A moment's changes stay together.
    """
    values = {"server": num_agente, "before": before, "field": field, "search": lowered(search),
              "most": MOST_CHANGES}  # fmt: skip
    query = _CHANGES.format(wanted=_NAMED if field or search else "true")
    found = [Change(*row) for row in connection.exec_driver_sql(query, values)]
    if len(found) > limit:
        last = found[limit - 1].momento
        shown = [change for change in found if change.momento >= last]
        if len(shown) < len(found) or len(found) == MOST_CHANGES:
            return Changes(shown, last - 1, cut=len(shown) == len(found))
    return Changes(found, None)


def verdict_periods(
    connection: Connection, num_agente: int, desde: int, hasta: int
) -> Sequence[Row[Any]]:
    """List what the policies said of a server in a window: policy, verdict, from when to when."""
    values = {"server": num_agente, "desde": desde, "hasta": hasta}
    return connection.exec_driver_sql(_VERDICTS, values).all()


def reports_of(
    connection: Connection, num_agente: int, before: int, limit: int
) -> Sequence[Row[Any]]:
    """List the reports of a server up to a moment, newest first; without what is in them."""
    return connection.exec_driver_sql(_REPORTS, (num_agente, before, limit)).all()


def forgotten(connection: Connection) -> dict[str, int]:
    """Tell up to when housekeeping has removed `reportes` and `periodos` (ms since 1970)."""
    return {row.que: row.hasta for row in connection.exec_driver_sql(_FORGOTTEN)}


def _life(row: Row[Any]) -> Life:
    return Life(
        row.campo,
        row.nombre,
        row.valor,
        None if row.pid < 0 else row.pid,
        row.desde,
        None if row.hasta == OPEN else row.hasta,
        row.inicio,
        row.veces,
    )


_SERVER = f"""
    SELECT a.num_agente, a.id_agente, a.hostname, a.ipaddress, a.etiquetas, a.intervalo,
        a.version_agente, a.primer_reporte, a.ultimo_reporte, a.momento AS ultimo,
        {STATE} AS situacion,
        (SELECT min(momento) FROM servers s WHERE s.num_agente = a.num_agente) AS primero,
        (SELECT min(desde) FROM periodos p WHERE p.num_agente = a.num_agente) AS conocido
    FROM agentes a WHERE a.id_agente = :id
"""  # noqa: S608 - text of our own
_LIVES = """
    SELECT campo, nombre, valor, pid, desde, hasta, inicio, veces
    FROM periodos CROSS JOIN hechos USING (id_hecho)
    WHERE num_agente = :server AND campo IN (SELECT value FROM json_each(:fields))
"""
_THERE = f"{_LIVES} AND hasta > :hasta AND desde <= :hasta ORDER BY desde, id_hecho, pid"
_GONE = f"""{_LIVES} AND hasta > :desde AND hasta <= :hasta
    ORDER BY hasta DESC, id_hecho DESC, pid DESC LIMIT :most"""
_OURS = "num_agente = :server AND propio = 0"
_BESIDE = f"""
    SELECT max(CASE WHEN momento < :en THEN momento END),
        min(CASE WHEN momento > :en THEN momento END)
    FROM (SELECT desde AS momento FROM periodos WHERE {_OURS}
        UNION ALL SELECT hasta FROM periodos WHERE {_OURS} AND hasta < {OPEN}) p
"""  # noqa: S608
_REPORT_BEFORE = """
    SELECT max(momento) FROM servers WHERE num_agente = :server AND momento <
        (SELECT max(momento) FROM servers WHERE num_agente = :server AND momento <= :en)
"""
# Names are looked up of what is shown alone.
_CHANGES = f"""
    SELECT momento, tipo, campo, nombre, valor, nullif(pid, -1) FROM (
        SELECT desde AS momento, 'inicia' AS tipo, id_hecho, pid FROM periodos
        WHERE {_OURS} AND desde <= :before AND {{wanted}}
        UNION ALL
        SELECT hasta, 'termina', id_hecho, pid FROM periodos
        WHERE {_OURS} AND hasta <= min(:before, {OPEN} - 1) AND {{wanted}}
        ORDER BY momento DESC LIMIT :most
    ) c CROSS JOIN hechos USING (id_hecho)
    ORDER BY momento DESC, campo, nombre, valor NULLS FIRST, tipo, pid
"""  # noqa: S608
_NAMED = """id_hecho IN (SELECT id_hecho FROM hechos WHERE (:field = '' OR campo = :field)
    AND instr(lower(nombre || ' ' || coalesce(valor, '')), :search) > 0)"""
_VERDICTS = """
    SELECT o.id_politica, c.veredicto, c.desde, c.hasta
    FROM cumplimiento c JOIN politicas o USING (num_politica)
    WHERE c.num_agente = :server AND c.hasta > :desde AND c.desde <= :hasta
"""
_REPORTS = """
    SELECT id_serv, fecha_hora, recibido, momento, errores FROM servers
    WHERE num_agente = ? AND momento <= ? ORDER BY momento DESC LIMIT ?
"""
_FORGOTTEN = "SELECT que, hasta FROM retencion"
