"""What people are to be told: the only code that writes into `alertas`, but for what was sent.

Always inside the transaction that changes what an alert is about: a verdict, an exception, a
server. So none is lost, and none tells of something that was rolled back. Of a policy and a server
there is one open alert as long as the server does not comply *now*, is not excepted, and was not
retired. While it cannot be told whether it complies (`sin_datos`), its alert stays as it is.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from API.app.compliance.judging import Verdict
from API.app.compliance.timeline import Period
from API.app.queries.admission import LISTED
from API.app.queries.excepciones import COVERS, ENDS
from API.app.queries.times import now_ms
from API.app.serial import serially
from createDB.postgresql.locks import Lock
from createDB.schema import OPEN


class Kind(StrEnum):
    """What an alert tells of."""

    INCUMPLIMIENTO = "incumplimiento"
    SILENCIO = "silencio"
    """The violation of the policy of that `id`: a server stopped reporting."""
    SERVIDOR_NUEVO = "servidor_nuevo"
    CLON = "clon"
    REGRESO = "regreso"
    """A server that was retired reports again."""


SEVERITY = {Kind.SERVIDOR_NUEVO: "baja", Kind.CLON: "alta", Kind.REGRESO: "media"}
"""Of what no policy says."""

AGAIN_MS = 24 * 60 * 60 * 1000
"""For how long the same of the same server need not be said again: two machines under one identity
are noticed once a minute."""


def follow(connection: Connection, periods: Iterable[Period]) -> None:
    """Open and resolve alerts after the verdicts of `periods` were written."""
    bad: list[tuple[int, ...]] = []
    good: list[tuple[int, ...]] = []
    for period in periods:
        if period.hasta == OPEN and period.veredicto != Verdict.SIN_DATOS:
            (bad if period.veredicto == Verdict.NO_CUMPLE else good).append(period[:3])
    if bad or good:
        serially(connection, Lock.FOLLOWING)
    if bad:
        connection.exec_driver_sql(_OPEN.format(source=_KEYS, where=""), _values(keys=_json(bad)))
    if good:
        _resolve(connection, _ALERTS, _values(keys=_json(good)))


def follow_policy(connection: Connection, num_politica: int) -> None:
    """Open and resolve alerts after a policy was withdrawn, or an exception from it changed."""
    _follow_all(connection, "num_politica", num_politica)


def follow_server(connection: Connection, num_agente: int) -> None:
    """Open and resolve alerts after the state or the labels of a server changed."""
    _follow_all(connection, "num_agente", num_agente)


def note(connection: Connection, kind: Kind, num_agente: int) -> None:
    """Note something that happened to a server, and is not a state; once a day is enough."""
    serially(connection, Lock.FOLLOWING)
    connection.exec_driver_sql(
        _NOTE,
        _values(tipo=kind.value, agente=num_agente, severidad=SEVERITY[kind], again=AGAIN_MS),
    )


def prepare(connection: Connection) -> None:
    """Take what there is for known, where nobody has looked yet: it is no news to anybody."""
    serially(connection, Lock.FOLLOWING)
    begun = connection.exec_driver_sql(_BEGIN, _values()).rowcount
    if begun:
        everywhere = _OPEN.format(source="cumplimiento c", where=f"AND c.hasta = {OPEN}")
        connection.exec_driver_sql(everywhere, _values())
        connection.exec_driver_sql("UPDATE alertas SET por_avisar = NULL")


def look_around(connection: Connection) -> None:
    """Notice what no transaction tells of: servers that are new, exceptions that are over."""
    new = connection.exec_driver_sql(_NEW_SERVERS).all()
    for row in new:
        note(connection, Kind.CLON if row.clon_de else Kind.SERVIDOR_NUEVO, row.num_agente)
    if new:
        _advance(connection, "servidores", new[-1].num_agente)
    now = now_ms()
    over = connection.exec_driver_sql(_OVER, {"now": now}).scalars().all()
    for num_politica in over:
        follow_policy(connection, num_politica)
    if over:
        _advance(connection, "excepciones", now)


def something_around(connection: Connection) -> bool:
    """Tell whether `look_around` would find something."""
    over = connection.exec_driver_sql(_OVER, {"now": now_ms()}).first()
    return over is not None or connection.exec_driver_sql(_NEW_SERVERS).first() is not None


def _follow_all(connection: Connection, column: str, number: int) -> None:
    serially(connection, Lock.FOLLOWING)
    values = _values(number=number)
    condition = f"AND c.hasta = {OPEN} AND c.{column} = :number"
    connection.exec_driver_sql(_OPEN.format(source="cumplimiento c", where=condition), values)
    alerts = f"(SELECT * FROM alertas WHERE resuelta IS NULL AND {column} = :number) c"  # noqa: S608
    _resolve(connection, alerts, values)


def _resolve(connection: Connection, source: str, values: Mapping[str, int | str]) -> None:
    found = connection.exec_driver_sql(_OVER_NOW.format(source=source), values).all()
    if found:
        rows = [(values["now"], row.por, row.id_alerta) for row in found]
        connection.exec_driver_sql(_RESOLVE, rows)


def _advance(connection: Connection, what: str, hasta: int) -> None:
    connection.exec_driver_sql("UPDATE avance SET hasta = ? WHERE que = ?", (hasta, what))


def _json(keys: list[tuple[int, ...]]) -> str:
    return msgspec.json.encode(keys).decode()


def _values(**more: int | str) -> dict[str, int | str]:
    return {"now": now_ms(), **more}


_EXCEPTED = f"""EXISTS (SELECT 1 FROM excepciones e WHERE e.num_politica = c.num_politica
    AND e.desde <= :now AND {ENDS} > :now AND {COVERS})"""  # noqa: S608 - text of our own

_KEYS = """json_each(:keys) k CROSS JOIN cumplimiento c
    ON c.num_agente = CAST(json_extract(k.value, '$[0]') AS INTEGER)
    AND c.num_politica = CAST(json_extract(k.value, '$[1]') AS INTEGER)
    AND c.desde = CAST(json_extract(k.value, '$[2]') AS BIGINT)"""
_OPEN = f"""
    INSERT INTO alertas (tipo, num_agente, num_politica, severidad, desde, abierta, evidencia,
        razon, por_avisar)
    SELECT iif(o.id_politica = '{Kind.SILENCIO}', '{Kind.SILENCIO}', '{Kind.INCUMPLIMIENTO}'),
        c.num_agente, c.num_politica, o.severidad, c.desde, :now,
        coalesce(c.evidencia_ultima, c.evidencia), c.razon, 'abierta'
    FROM {{source}} CROSS JOIN agentes a ON a.num_agente = c.num_agente
        CROSS JOIN politicas o ON o.num_politica = c.num_politica
    WHERE c.veredicto = '{Verdict.NO_CUMPLE}' AND o.vigente = 1 AND a.estado IN {LISTED}
        AND NOT {_EXCEPTED} {{where}}
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - text of our own
_ALERTS = """json_each(:keys) k CROSS JOIN alertas c
    ON c.num_agente = CAST(json_extract(k.value, '$[0]') AS INTEGER)
    AND c.num_politica = CAST(json_extract(k.value, '$[1]') AS INTEGER) AND c.resuelta IS NULL"""
_OVER_NOW = f"""
    SELECT * FROM (
        SELECT c.id_alerta, CASE
            WHEN a.estado NOT IN {LISTED} THEN 'servidor_retirado'
            WHEN o.vigente = 0 THEN 'politica_retirada'
            WHEN v.veredicto IN ('{Verdict.CUMPLE}', '{Verdict.NO_APLICA}') THEN v.veredicto
            WHEN {_EXCEPTED} THEN 'excepcion'
        END AS por
        FROM {{source}}
            CROSS JOIN agentes a ON a.num_agente = c.num_agente
            CROSS JOIN politicas o ON o.num_politica = c.num_politica
            LEFT JOIN cumplimiento v ON v.num_agente = c.num_agente
                AND v.num_politica = c.num_politica AND v.hasta = {OPEN} AND v.desde = (
                    SELECT max(l.desde) FROM cumplimiento l WHERE l.num_agente = c.num_agente
                    AND l.num_politica = c.num_politica)
    ) found WHERE por IS NOT NULL
"""  # noqa: S608
"""Asks for the open alerts of `source`, as `c`. (The period that is open is the last: asked for by
its beginning, it is found at once, however many there are.)"""
_RESOLVE = """
    UPDATE alertas SET resuelta = ?, resolucion = ?,
        por_avisar = iif(por_avisar = 'abierta', NULL, 'resuelta')
    WHERE id_alerta = ?
"""
"""Whoever has not been told yet that it was open need not be told that it is over."""
_NOTE = """
    INSERT INTO alertas (tipo, num_agente, severidad, desde, abierta, resuelta, por_avisar)
    SELECT :tipo, :agente, :severidad, :now, :now, :now, 'abierta'
    WHERE NOT EXISTS (SELECT 1 FROM alertas
        WHERE num_agente = :agente AND tipo = :tipo AND abierta > :now - :again)
"""
_BEGIN = """
    INSERT INTO avance (que, hasta)
    SELECT 'servidores', coalesce(max(num_agente), 0) FROM agentes WHERE true
    UNION ALL SELECT 'excepciones', :now WHERE true
    ON CONFLICT DO NOTHING
"""
_NEW_SERVERS = """
    SELECT num_agente, clon_de FROM agentes
    WHERE num_agente > (SELECT hasta FROM avance WHERE que = 'servidores') ORDER BY num_agente
"""
_OVER = """
    SELECT DISTINCT num_politica FROM excepciones WHERE terminada IS NULL
    AND hasta > (SELECT hasta FROM avance WHERE que = 'excepciones') AND hasta <= :now
"""
