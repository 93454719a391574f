"""What an audit report is made of."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from API.app.queries.huecos import gaps, longest_silence
from API.app.queries.servicio import RETIRING, RETURNING, in_ms

LABELLING = "agente.etiquetar"
"""The action of the audit trail that says which labels a server had."""


def servers(connection: Connection, id_agente: str | None) -> Sequence[Row[Any]]:
    """Give the servers that have ever reported, or one of them, by name."""
    return connection.exec_driver_sql(_SERVERS, (id_agente,)).all()


def policies(connection: Connection, id_politica: str | None) -> Sequence[Row[Any]]:
    """Give the policies that are or were in force, or one of them."""
    return connection.exec_driver_sql(_POLICIES, (id_politica,)).all()


def verdicts(
    connection: Connection, num_agente: int, policy: int | None, desde: int, hasta: int
) -> Sequence[Row[Any]]:
    """Give what was said of a server within a period, by policy and time."""
    values = {"server": num_agente, "policy": policy, "desde": desde, "hasta": hasta}
    return connection.exec_driver_sql(_VERDICTS, values).all()


def silences(
    connection: Connection, server: Row[Any], desde: int, hasta: int
) -> list[tuple[int, int]]:
    """Tell when a server that reports at an interval did not, within a period."""
    if server.intervalo is None:
        return []
    most = longest_silence(server.intervalo)
    found = gaps(connection, server.num_agente, most, desde, hasta)
    return [(max(last + most, desde), following) for last, following in found]


def exceptions(connection: Connection, desde: int, hasta: int) -> Sequence[Row[Any]]:
    """Give the exceptions that were in force within a period."""
    return connection.exec_driver_sql(_EXCEPTIONS, (hasta, desde)).all()


def trail(connection: Connection, hasta: int) -> Iterator[tuple[str, str, int, dict[str, str]]]:
    """Give what the audit trail says of servers up to a moment, the oldest first.

    Gives:
        `id_agente`, action, moment, and the labels where it is about these.
    """
    actions = (*RETIRING, *RETURNING, LABELLING)
    for row in connection.exec_driver_sql(_TRAIL, (*actions, hasta)):
        labels = msgspec.json.decode(row.detalle) if row.detalle else {}
        yield row.objeto, row.accion, row.momento, labels


def unjudged(connection: Connection, hasta: int) -> int:
    """Count the reports of before a moment that are stored and not judged yet, or to be anew."""
    return int(connection.exec_driver_sql(_UNJUDGED, (hasta, hasta)).scalar_one())


_SERVERS = f"""
    SELECT num_agente, id_agente, hostname, etiquetas, intervalo,
        {in_ms("primer_reporte")} AS primero
    FROM agentes WHERE id_serv IS NOT NULL AND (id_agente = ?1 OR ?1 IS NULL)
    ORDER BY hostname NULLS FIRST, id_agente
"""  # noqa: S608 - text of our own
_POLICIES = """
    SELECT num_politica, id_politica, titulo, severidad, documento FROM politicas
    WHERE id_politica = ?1 OR ?1 IS NULL ORDER BY id_politica
"""
_VERDICTS = """
    SELECT num_politica, desde, hasta, veredicto, evidencia, evidencia_ultima, razon
    FROM cumplimiento
    WHERE num_agente = :server AND hasta > :desde AND desde < :hasta
        AND (num_politica = :policy OR :policy IS NULL)
    ORDER BY num_politica, desde
"""
_EXCEPTIONS = """
    SELECT id_excepcion, num_politica, num_agente, etiqueta, valor, motivo, quien, desde, hasta,
        terminada
    FROM excepciones WHERE desde < ? AND coalesce(terminada, hasta) > ? ORDER BY id_excepcion
"""
_TRAIL = f"""
    SELECT objeto, accion, {in_ms("momento")} AS momento, detalle FROM auditoria
    WHERE accion IN ({", ".join("?" * (len(RETIRING) + len(RETURNING) + 1))})
        AND {in_ms("momento")} < ?
    ORDER BY id_auditoria
"""  # noqa: S608
_UNJUDGED = """
    SELECT count(*) FROM (
        SELECT id_serv FROM servers
        WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
            AND momento < ?
        UNION SELECT s.id_serv FROM por_juzgar p CROSS JOIN servers s
            ON s.num_agente = p.num_agente AND s.momento >= p.desde AND s.momento < ?) esperan
"""
