"""What the policies say of the servers, now or at a past moment."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from API.app.queries.excepciones import COVERS, ENDS
from API.app.queries.times import as_ms, from_ms, with_offset
from createDB.schema import OPEN

VERDICTS = ("cumple", "no_cumple", "exceptuado", "sin_datos", "no_aplica")
"""As they are shown: `exceptuado` is a `no_cumple` with an exception in force at that moment."""
SEVERITIES = ("critica", "alta", "media", "baja")
NOW = OPEN - 1
"""The moment at which what is open counts, and nothing else."""


class VerdictFilters(NamedTuple):
    """What a list of verdicts is narrowed to, each where it is given."""

    agente: str | None = None
    politica: str | None = None
    severidad: str | None = None
    veredicto: str | None = None
    etiqueta: str | None = None
    """A label of the server, as `name:value`."""


class VerdictPlace(NamedTuple):
    """Where a page ends."""

    num_agente: int = 0
    num_politica: int = 0


class VerdictPage(NamedTuple):
    """Some verdicts, and where the next page begins; None after the last."""

    verdicts: list[dict[str, Any]]
    end: VerdictPlace | None


def verdicts(
    connection: Connection,
    momento: int,
    filters: VerdictFilters,
    after: VerdictPlace,
    limit: int,
) -> VerdictPage:
    """List verdicts, by server and policy.

    Args:
        connection: to the database.
        momento: at which they were in force, in milliseconds since 1970; `NOW` for now.
        filters: which of them.
        after: where the page before ended.
        limit: how many at most.
    """
    where, values = _where(momento, filters)
    query = f"""
        SELECT {_SHOWN} {_FROM} WHERE {where}
        AND (c.num_agente, c.num_politica) > (?, ?)
        ORDER BY c.num_agente, c.num_politica LIMIT ?
    """
    rows = connection.exec_driver_sql(query, (*values, *after, limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    end = VerdictPlace(last.num_agente, last.num_politica) if last else None
    return VerdictPage([_as_json(row) for row in rows[:limit]], end)


def score(connection: Connection, momento: int, filters: VerdictFilters) -> dict[str, Any]:
    """Count the verdicts; `puntaje` is the share of those that comply, of those that can tell.

    What is excepted does not comply: no exception makes a score better.
    """
    where, values = _where(momento, filters)
    query = f"SELECT {_VERDICT} AS veredicto, count(*) AS n {_FROM} WHERE {where} GROUP BY 1"
    found = {row.veredicto: row.n for row in connection.exec_driver_sql(query, values)}
    return _score(found)


def policies(connection: Connection) -> list[dict[str, Any]]:
    """List the policies in force, the severest first, with how the fleet stands."""
    counts: dict[int, dict[str, int]] = {}
    for row in connection.exec_driver_sql(_COUNTS, _exceptions_at(NOW)):
        counts.setdefault(row.num_politica, {})[row.veredicto] = row.n
    listed = [
        {
            "id": row.id_politica,
            "titulo": row.titulo,
            "severidad": row.severidad,
            "por_juzgar": row.por_juzgar,
            **_score(counts.get(row.num_politica, {})),
        }
        for row in connection.exec_driver_sql(_POLICIES)
    ]
    return sorted(listed, key=lambda each: (SEVERITIES.index(each["severidad"]), each["id"]))


def policy(connection: Connection, name: str) -> dict[str, Any] | None:
    """Give a policy as its file has it; None where there is none of that `id` in force."""
    found = connection.exec_driver_sql(_POLICY, (name,)).scalar()
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def lag(connection: Connection) -> dict[str, Any]:
    """Tell how many reports are stored and not judged, and since when the first of them is."""
    row = connection.exec_driver_sql(_LAG).one()
    return {"reportes": row.n, "desde": with_offset(row.desde)}


def _score(found: dict[str, int]) -> dict[str, Any]:
    counts = {verdict: found.get(verdict, 0) for verdict in VERDICTS}
    told = counts["cumple"] + counts["no_cumple"] + counts["exceptuado"]
    return {"puntaje": round(counts["cumple"] / told, 4) if told else None, **counts}


def _where(momento: int, filters: VerdictFilters) -> tuple[str, tuple[Any, ...]]:
    parts = [(_IN_FORCE, (momento, momento)), *_conditions(filters)]
    values = tuple(value for _, given in parts for value in given)
    return " AND ".join(text for text, _ in parts), (*_exceptions_at(momento), *values)


def _exceptions_at(momento: int) -> tuple[int, int]:
    """Give what `_FROM` takes: exceptions go by the clock, so now is not as late as may be."""
    at = as_ms(datetime.now(UTC)) if momento == NOW else momento
    return at, at


def _conditions(filters: VerdictFilters) -> Iterator[tuple[str, tuple[str, ...]]]:
    for column, value in (
        ("a.id_agente", filters.agente),
        ("o.id_politica", filters.politica),
        ("o.severidad", filters.severidad),
        (_VERDICT, filters.veredicto),
    ):
        if value is not None:
            yield f"{column} = ?", (value,)
    if filters.etiqueta is not None:
        name, _, value = filters.etiqueta.partition(":")
        yield _LABELLED, (name, value)


def _as_json(row: Row[Any]) -> dict[str, Any]:
    first, last = (
        msgspec.json.decode(text) if text else []
        for text in (row.evidencia, row.evidencia_ultima or row.evidencia)
    )
    return {
        "id_agente": row.id_agente,
        "hostname": row.hostname,
        "politica": row.id_politica,
        "titulo": row.titulo,
        "severidad": row.severidad,
        "veredicto": row.veredicto,
        "desde": from_ms(row.desde),
        "hasta": None if row.hasta == OPEN else from_ms(row.hasta),
        "evidencia_inicial": first,
        "evidencia": last,
        "razon": row.razon,
        "excepcion": None if row.id_excepcion is None else _exception(row),
    }


def _exception(row: Row[Any]) -> dict[str, Any]:
    return {
        "id_excepcion": row.id_excepcion,
        "motivo": row.motivo,
        "quien": row.quien,
        "desde": from_ms(row.exceptuado_desde),
        "hasta": from_ms(row.exceptuado_hasta),
    }


_VERDICT = "iif(x.id_excepcion IS NULL, c.veredicto, 'exceptuado')"


_SHOWN = f"""c.num_agente, c.num_politica, a.id_agente, a.hostname, o.id_politica, o.titulo,
    o.severidad, {_VERDICT} AS veredicto, c.desde, c.hasta, c.evidencia, c.evidencia_ultima,
    c.razon, x.id_excepcion, x.motivo, x.quien, x.desde AS exceptuado_desde,
    coalesce(x.terminada, x.hasta) AS exceptuado_hasta"""
_FROM = f"""FROM cumplimiento c JOIN agentes a ON a.num_agente = c.num_agente
    JOIN politicas o ON o.num_politica = c.num_politica
    LEFT JOIN excepciones x ON c.veredicto = 'no_cumple' AND x.id_excepcion = (
        SELECT e.id_excepcion FROM excepciones e WHERE e.num_politica = c.num_politica
        AND e.desde <= ? AND {ENDS} > ? AND {COVERS}
        ORDER BY {ENDS} DESC, e.id_excepcion LIMIT 1)"""  # noqa: S608 - text of our own
_IN_FORCE = "c.desde <= ? AND c.hasta > ?"
_LABELLED = "EXISTS (SELECT 1 FROM json_each(a.etiquetas) e WHERE e.key = ? AND e.value = ?)"
_COUNTS = f"""
    SELECT c.num_politica, {_VERDICT} AS veredicto, count(*) AS n {_FROM}
    WHERE o.vigente AND c.hasta = {OPEN} GROUP BY 1, 2
"""
_POLICIES = """
    SELECT num_politica, id_politica, titulo, severidad, CASE WHEN repaso IS NULL THEN 0 ELSE (
        SELECT count(*) FROM agentes a WHERE a.num_agente > repaso) END AS por_juzgar
    FROM politicas WHERE vigente
"""
_POLICY = "SELECT documento FROM politicas WHERE id_politica = ? AND vigente"
_LAG = """
    SELECT count(*) AS n, min(recibido) AS desde FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""
