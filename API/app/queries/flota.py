"""The fleet as the console sees it: who there is, what they fail, and whether anything is new.

Asked of the driver itself: of 20,000 servers SQLAlchemy would make 20,000 rows of its own.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from API.app.queries.admission import RETIRED, REVOKED
from API.app.queries.direct import Direct
from API.app.queries.estados import STATE, as_bound
from API.app.queries.excepciones import COVERS, ENDS
from API.app.queries.latest import LATEST, database_of
from createDB.schema import OPEN


class ServerRow(NamedTuple):
    """What the tables say of a server."""

    num_agente: int
    id_agente: str
    hostname: str | None
    ipaddress: str | None
    situacion: str
    nombre_so: str | None
    distribucion: str | None
    version_distribucion: str | None
    etiquetas: str | None
    ultimo_reporte: str | None
    primer_reporte: str | None
    juzgado: int
    """Whether any policy said anything of it."""


class PolicyRow(NamedTuple):
    """What the tables say of a policy in force."""

    num_politica: int
    id_politica: str
    titulo: str
    severidad: str
    por_juzgar: int
    incumplida_desde: int | None


class AlertRow(NamedTuple):
    """What the tables say of an alert."""

    id_alerta: int
    tipo: str
    severidad: str
    id_agente: str
    hostname: str | None
    id_politica: str | None
    titulo: str | None
    abierta: int
    resuelta: int | None


class Progress(NamedTuple):
    """Up to where everything is that pages show: equal ones show the same, but for the time."""

    id_serv: int | None
    """The last report."""
    judged: int | None
    """The last one that was judged."""
    id_auditoria: int | None
    """The last thing that somebody did."""
    id_alerta: int | None
    to_review: int
    """Policies that changed, whose review is not done, and servers of which reports came late."""


def progress(connection: Direct) -> Progress:
    """Tell up to where everything is."""
    return Progress(*connection.execute(_PROGRESS).fetchone())


def servers(connection: Direct, at: datetime) -> list[ServerRow]:
    """List every server with how it stands at a moment (UTC without an offset)."""
    query = _SERVERS.format(latest=LATEST[database_of(connection)])
    return [ServerRow(*row) for row in connection.execute(query, {"ahora": as_bound(at)})]


def failures(connection: Direct) -> list[tuple[int, int]]:
    """List the failures of now, excepted or not: the numbers of server and policy."""
    return connection.execute(_FAILURES).fetchall()


def excepted(connection: Direct, at_ms: int) -> set[tuple[int, int]]:
    """Give those failures that an exception allows; exceptions are few, and ask for few."""
    return set(connection.execute(_EXCEPTED, {"ms": at_ms}))


def verdict_counts(connection: Direct) -> Iterator[tuple[int, str, int]]:
    """Count the verdicts of now on servers in service: policy, verdict, how many.

    A failure counts as one, whatever exceptions say. What comes twice is to be added up: those of
    servers out of service, which are few, come with a minus.
    """
    yield from connection.execute(_COUNTS)
    yield from connection.execute(_COUNTS_OUT_OF_SERVICE)


def policies_in_force(connection: Direct) -> list[PolicyRow]:
    """List the policies in force."""
    return [PolicyRow(*row) for row in connection.execute(_POLICIES)]


def failing_since(connection: Direct, since: int) -> Iterator[tuple[int, int, int]]:
    """Give the times at which servers failed after `since`, in order.

    Returns:
        number of the server, from when, until when (ms since 1970).
    """
    return iter(connection.execute(_FAILING, (since,)))


def latest_alerts(connection: Direct, limit: int) -> list[AlertRow]:
    """List the newest alerts, the newest first."""
    return [AlertRow(*row) for row in connection.execute(_ALERTS, (limit,))]


def first_judged(connection: Direct) -> dict[int, int]:
    """Give since when each server in service reports (ms since 1970), by its number."""
    return dict(connection.execute(_FIRST_JUDGED).fetchall())


_ALERTS = """
    SELECT l.id_alerta, l.tipo, l.severidad, a.id_agente, a.hostname, o.id_politica, o.titulo,
        l.abierta, l.resuelta
    FROM alertas l JOIN agentes a USING (num_agente) LEFT JOIN politicas o USING (num_politica)
    ORDER BY l.id_alerta DESC LIMIT ?
"""
_PROGRESS = """
    SELECT (SELECT max(id_serv) FROM servers),
        (SELECT hasta FROM avance WHERE que = 'juzgado'),
        (SELECT max(id_auditoria) FROM auditoria), (SELECT max(id_alerta) FROM alertas),
        (SELECT count(*) FROM politicas WHERE vigente = 1 AND repaso IS NOT NULL)
            + (SELECT count(*) FROM por_juzgar)
"""
_SERVERS = f"""
    SELECT a.num_agente, a.id_agente, a.hostname, a.ipaddress, {STATE} AS situacion,
        s.nombre_so, s.distribucion, s.version_distribucion, a.etiquetas, a.ultimo_reporte,
        a.primer_reporte, EXISTS (SELECT 1 FROM cumplimiento c WHERE c.num_agente = a.num_agente)
    FROM agentes a LEFT JOIN servers s ON {{latest}} ORDER BY a.num_agente
"""  # noqa: S608 - text of our own
_FAILURES = f"""
    SELECT c.num_agente, c.num_politica FROM cumplimiento c JOIN politicas o USING (num_politica)
    WHERE c.hasta = {OPEN} AND c.veredicto = 'no_cumple' AND o.vigente = 1
"""  # noqa: S608
_EXCEPTED = f"""
    SELECT c.num_agente, c.num_politica FROM excepciones e
    CROSS JOIN cumplimiento c ON c.hasta = {OPEN} AND c.veredicto = 'no_cumple'
        AND c.num_politica = e.num_politica
    CROSS JOIN agentes a ON a.num_agente = c.num_agente
    WHERE e.desde <= :ms AND {ENDS} > :ms AND {COVERS}
"""  # noqa: S608
_COUNTS = f"""
    SELECT c.num_politica, c.veredicto, count(*) FROM cumplimiento c
    WHERE c.hasta = {OPEN} GROUP BY c.veredicto, c.num_politica
"""  # noqa: S608
_COUNTS_OUT_OF_SERVICE = f"""
    SELECT c.num_politica, c.veredicto, -count(*) FROM agentes a CROSS JOIN cumplimiento c
    ON c.num_agente = a.num_agente AND c.hasta = {OPEN}
    WHERE a.estado IN ('{RETIRED}', '{REVOKED}') GROUP BY c.num_politica, c.veredicto
"""  # noqa: S608
_POLICIES = f"""
    SELECT num_politica, id_politica, titulo, severidad, CASE WHEN repaso IS NULL THEN 0 ELSE (
        SELECT count(*) FROM agentes a WHERE a.num_agente > repaso) END,
        (SELECT min(c.desde) FROM cumplimiento c
         WHERE c.hasta = {OPEN} AND c.veredicto = 'no_cumple' AND c.num_politica = o.num_politica)
    FROM politicas o WHERE vigente = 1 ORDER BY num_politica
"""  # noqa: S608
_FAILING = """
    SELECT c.num_agente, c.desde, c.hasta FROM cumplimiento c
    JOIN politicas o USING (num_politica)
    WHERE c.hasta > ? AND c.veredicto = 'no_cumple' AND o.vigente = 1
    ORDER BY c.num_agente, c.desde
"""
_FIRST_JUDGED = f"""
    SELECT num_agente, CAST(round((julianday(primer_reporte) - 2440587.5) * 86400000) AS BIGINT)
    FROM agentes WHERE primer_reporte IS NOT NULL AND estado NOT IN ('{RETIRED}', '{REVOKED}')
"""  # noqa: S608
