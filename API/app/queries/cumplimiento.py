"""What the policies say of the servers, now or at a past moment."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from API.app.queries.admission import LISTED
from API.app.queries.excepciones import COVERS, ENDS
from API.app.queries.servicio import OUT
from API.app.queries.times import as_ms, from_ms, with_offset
from createDB.schema import OPEN

VERDICTS = ("cumple", "no_cumple", "exceptuado", "sin_datos", "no_aplica")
"""As they are shown: `exceptuado` is a `no_cumple` with an exception in force at that moment."""
SEVERITIES = ("critica", "alta", "media", "baja")
NOW = OPEN - 1
"""The moment at which what is open counts, and nothing else."""


Counts = dict[str, int]
"""Verdict -> how many."""


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
        SELECT {_SHOWN} {FROM.format(clock="?")} WHERE {where}
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
    return as_score(total(tally(connection, momento, "num_politica", filters).values()))


def policies(connection: Connection) -> list[dict[str, Any]]:
    """List the policies in force, the severest first, with how the fleet stands."""
    counts = tally(connection, NOW, "num_politica", VerdictFilters())
    listed = [
        {
            "id": row.id_politica,
            "titulo": row.titulo,
            "severidad": row.severidad,
            "por_juzgar": row.por_juzgar,
            **as_score(counts.get(row.num_politica, {})),
        }
        for row in connection.exec_driver_sql(_POLICIES)
    ]
    return sorted(listed, key=lambda each: (SEVERITIES.index(each["severidad"]), each["id"]))


def severities(connection: Connection) -> dict[int, str]:
    """Give the severity of each policy that there is or was, by its number."""
    rows = connection.exec_driver_sql("SELECT num_politica, severidad FROM politicas")
    return {row.num_politica: row.severidad for row in rows}


def policy(connection: Connection, name: str) -> dict[str, Any] | None:
    """Give a policy as its file has it; None where there is none of that `id` in force."""
    found = connection.exec_driver_sql(_POLICY, (name,)).scalar()
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def lag(connection: Connection) -> dict[str, Any]:
    """Tell how many reports are stored and not judged, and since when the first of them is."""
    row = connection.exec_driver_sql(_LAG).one()
    return {"reportes": row.n, "desde": with_offset(row.desde)}


def tally(
    connection: Connection,
    momento: int,
    of: Literal["num_politica", "num_agente"],
    filters: VerdictFilters,
) -> dict[int, Counts]:
    """Count the verdicts of each policy, or of each server.

    Args:
        connection: to the database.
        momento: at which they were in force, in milliseconds since 1970; `NOW` for now.
        of: what is counted for each.
        filters: which of them.
    """
    where, values = _narrowed(momento, filters)
    # Of many servers this index has all that is read; SQLite takes it for the past only if told.
    index = "" if filters.agente else "INDEXED BY ix_cumplimiento_hasta_veredicto_num_politica"
    query = _TALLY.format(of=of, where=where, index=index)
    found: dict[int, Counts] = {}
    for number, verdict, count in connection.exec_driver_sql(query, values):
        if filters.veredicto in (None, verdict):
            found.setdefault(number, {})[verdict] = count
    return found


def total(counts: Iterable[Counts]) -> Counts:
    """Add counts up."""
    summed: Counts = {}
    for each in counts:
        for verdict, count in each.items():
            summed[verdict] = summed.get(verdict, 0) + count
    return summed


def as_score(found: Counts) -> dict[str, Any]:
    """Give the counts of all verdicts, and the score."""
    counts = {verdict: found.get(verdict, 0) for verdict in VERDICTS}
    told = counts["cumple"] + counts["no_cumple"] + counts["exceptuado"]
    return {"puntaje": round(counts["cumple"] / told, 4) if told else None, **counts}


def _narrowed(momento: int, filters: VerdictFilters) -> tuple[str, dict[str, Any]]:
    """Write the conditions of `_TALLY`: by numbers, so that an index has all that it reads."""
    clock, _ = _exceptions_at(momento)
    values = {"en": momento, "reloj": clock, **filters._asdict()}
    parts = ["c.hasta = :abierto" if momento == NOW else "c.hasta > :en AND c.desde <= :en"]
    values["abierto"] = OPEN
    if filters.politica is not None or filters.severidad is not None:
        parts.append(_OF_POLICIES)
    if filters.agente is not None:
        parts.append("c.num_agente = (SELECT num_agente FROM agentes WHERE id_agente = :agente)")
    elif momento == NOW:
        parts.append(f"c.num_agente IN (SELECT num_agente FROM agentes WHERE {_LISTED})")  # noqa: S608
    else:
        parts.append(_OF_THEN)
    if filters.etiqueta is not None:
        values["nombre"], _, values["valor"] = filters.etiqueta.partition(":")
        parts.append("c.num_agente IN (SELECT num_agente FROM etiquetas "
                     "WHERE key = :nombre AND value = :valor)")  # fmt: skip
    return " AND ".join(parts), values


def _where(momento: int, filters: VerdictFilters) -> tuple[str, tuple[Any, ...]]:
    parts = [(_IN_FORCE, (momento, momento)), *_conditions(filters)]
    if filters.agente is None:
        now = momento == NOW
        parts.append((_LISTED, ()) if now else (_NOT_OUT, (momento,)))
    values = tuple(value for _, given in parts for value in given)
    return " AND ".join(text for text, _ in parts), (*_exceptions_at(momento), *values)


def _exceptions_at(momento: int) -> tuple[int, int]:
    """Give what `FROM` takes: exceptions go by the clock, so now is not as late as may be."""
    at = as_ms(datetime.now(UTC)) if momento == NOW else momento
    return at, at


def _conditions(filters: VerdictFilters) -> Iterator[tuple[str, tuple[str, ...]]]:
    for column, value in (
        ("a.id_agente", filters.agente),
        ("o.id_politica", filters.politica),
        ("o.severidad", filters.severidad),
        (VERDICT, filters.veredicto),
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


VERDICT = "iif(x.id_excepcion IS NULL, c.veredicto, 'exceptuado')"


_SHOWN = f"""c.num_agente, c.num_politica, a.id_agente, a.hostname, o.id_politica, o.titulo,
    o.severidad, {VERDICT} AS veredicto, c.desde, c.hasta, c.evidencia, c.evidencia_ultima,
    c.razon, x.id_excepcion, x.motivo, x.quien, x.desde AS exceptuado_desde,
    coalesce(x.terminada, x.hasta) AS exceptuado_hasta"""
FROM = f"""FROM cumplimiento c JOIN agentes a ON a.num_agente = c.num_agente
    JOIN politicas o ON o.num_politica = c.num_politica
    LEFT JOIN excepciones x ON c.veredicto = 'no_cumple' AND x.id_excepcion = (
        SELECT e.id_excepcion FROM excepciones e WHERE e.num_politica = c.num_politica
        AND e.desde <= {{clock}} AND {ENDS} > {{clock}} AND {COVERS}
        ORDER BY {ENDS} DESC, e.id_excepcion LIMIT 1)"""  # noqa: S608 - text of our own
"""Verdicts with the exception in force at `clock`, where there is one."""
_IN_FORCE = "c.desde <= ? AND c.hasta > ?"
_LABELLED = "EXISTS (SELECT 1 FROM json_each(a.etiquetas) e WHERE e.key = ? AND e.value = ?)"
_LISTED = f"estado IN {LISTED}"
"""Of now: who is retired is not a part of the fleet."""
_NOT_OUT = f"a.id_agente NOT IN ({OUT.format(at='?')})"
"""Of the past: who is retired now may have been one."""
_OF_THEN = f"""c.num_agente NOT IN (
    SELECT num_agente FROM agentes WHERE id_agente IN ({OUT.format(at=":en")}))"""  # noqa: S608
_OF_POLICIES = """c.num_politica IN (SELECT num_politica FROM politicas
    WHERE id_politica = coalesce(:politica, id_politica)
    AND severidad = coalesce(:severidad, severidad))"""
# Whom an exception covers is found once, not for each verdict.
_TALLY = f"""
    WITH etiquetas AS MATERIALIZED (
        SELECT a.num_agente, l.key, l.value FROM agentes a, json_each(a.etiquetas) l),
    vigentes AS MATERIALIZED (
        SELECT * FROM excepciones e WHERE e.desde <= :reloj AND {ENDS} > :reloj),
    cubiertos AS MATERIALIZED (
        SELECT num_politica, num_agente FROM vigentes WHERE num_agente IS NOT NULL
        UNION SELECT v.num_politica, t.num_agente FROM vigentes v
        JOIN etiquetas t ON t.key = v.etiqueta AND t.value = coalesce(v.valor, t.value))
    SELECT c.{{of}}, CASE WHEN c.veredicto = 'no_cumple'
        AND (c.num_politica, c.num_agente) IN (SELECT * FROM cubiertos) THEN 'exceptuado'
        ELSE c.veredicto END, count(*)
    FROM cumplimiento c {{index}} WHERE {{where}} GROUP BY 1, 2
"""  # noqa: S608
_POLICIES = """
    SELECT num_politica, id_politica, titulo, severidad, CASE WHEN repaso IS NULL THEN 0 ELSE (
        SELECT count(*) FROM agentes a WHERE a.num_agente > repaso) END AS por_juzgar
    FROM politicas WHERE vigente = 1
"""
_POLICY = "SELECT documento FROM politicas WHERE id_politica = ? AND vigente = 1"
_LAG = """
    SELECT count(*) AS n, min(recibido) AS desde FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""
