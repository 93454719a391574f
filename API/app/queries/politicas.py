"""One policy: its file, the servers by what it says of them, and its exceptions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from API.app.queries.admission import RETIRED, REVOKED
from API.app.queries.direct import Direct
from API.app.queries.excepciones import COVERS, ENDS
from createDB.schema import OPEN


class Said(NamedTuple):
    """What the policy says of one server, since when, and why."""

    id_agente: str
    hostname: str | None
    desde: int
    evidencia: list[dict[str, Any]]
    """The rows that violated it at first."""
    evidencia_ultima: list[dict[str, Any]]
    """And at last."""
    razon: str | None
    id_excepcion: int | None
    motivo: str | None
    exceptuado_hasta: int | None


class Waiver(NamedTuple):
    """An exception from the policy."""

    id_excepcion: int
    id_agente: str | None
    hostname: str | None
    etiqueta: str | None
    valor: str | None
    motivo: str
    quien: str
    desde: int
    hasta: int
    terminada: int | None


class Reported(NamedTuple):
    """A server and its latest report."""

    id_agente: str
    hostname: str | None
    id_serv: int


def document(connection: Direct, name: str) -> dict[str, Any] | None:
    """Give a policy in force as its file has it; None where there is none of that `id`."""
    found = connection.execute(_DOCUMENT, (name,)).fetchone()
    return None if found is None else msgspec.json.decode(found[0], type=dict[str, Any])


def servers_by_verdict(
    connection: Direct, num_politica: int, verdict: str, at: int, limit: int, skip: int
) -> list[Said]:
    """List the servers in service of which the policy says this now, the longest since first.

    Args:
        connection: to the database.
        num_politica: the policy.
        verdict: one of `VERDICTS`.
        at: now, in milliseconds since 1970: exceptions go by the clock.
        limit: how many at most.
        skip: how many of the first ones not to give.
    """
    failing = verdict in ("no_cumple", "exceptuado")
    values = {
        "politica": num_politica, "veredicto": "no_cumple" if failing else verdict,
        "exceptuado": verdict == "exceptuado", "at": at, "limit": limit, "skip": skip,
    }  # fmt: skip
    return [
        Said(server, name, since, _rows(first), _rows(last or first), *rest)
        for server, name, since, first, last, *rest in connection.execute(_SAID, values)
    ]


def waivers(connection: Direct, num_politica: int) -> Sequence[Waiver]:
    """List the exceptions from a policy, those that ended too, the newest first."""
    return [Waiver(*row) for row in connection.execute(_WAIVERS, (num_politica,))]


def latest_reports(connection: Direct) -> Sequence[Reported]:
    """List the servers in service that have reported."""
    return [Reported(*row) for row in connection.execute(_LATEST)]


def _rows(text: str | None) -> list[dict[str, Any]]:
    return msgspec.json.decode(text, type=list[dict[str, Any]]) if text else []


_IN_SERVICE = f"a.estado NOT IN ('{RETIRED}', '{REVOKED}')"
_DOCUMENT = "SELECT documento FROM politicas WHERE id_politica = ? AND vigente = 1"
_SAID = f"""
    SELECT a.id_agente, a.hostname, c.desde, c.evidencia, c.evidencia_ultima, c.razon,
        x.id_excepcion, x.motivo, {ENDS.replace("e.", "x.")}
    FROM cumplimiento c CROSS JOIN agentes a ON a.num_agente = c.num_agente
    LEFT JOIN excepciones x ON c.veredicto = 'no_cumple' AND x.id_excepcion = (
        SELECT e.id_excepcion FROM excepciones e WHERE e.num_politica = c.num_politica
        AND e.desde <= :at AND {ENDS} > :at AND {COVERS}
        ORDER BY {ENDS} DESC, e.id_excepcion LIMIT 1)
    WHERE c.hasta = {OPEN} AND c.veredicto = :veredicto AND c.num_politica = :politica
        AND {_IN_SERVICE} AND (x.id_excepcion IS NOT NULL) = :exceptuado
    ORDER BY c.desde, c.num_agente LIMIT :limit OFFSET :skip
"""  # noqa: S608 - text of our own
_WAIVERS = """
    SELECT x.id_excepcion, a.id_agente, a.hostname, x.etiqueta, x.valor, x.motivo, x.quien,
        x.desde, x.hasta, x.terminada
    FROM excepciones x LEFT JOIN agentes a USING (num_agente)
    WHERE x.num_politica = ? ORDER BY x.id_excepcion DESC
"""
_LATEST = f"""
    SELECT a.id_agente, a.hostname, a.id_serv FROM agentes a
    WHERE a.id_serv IS NOT NULL AND {_IN_SERVICE} ORDER BY a.hostname NULLS FIRST, a.id_agente
"""  # noqa: S608
