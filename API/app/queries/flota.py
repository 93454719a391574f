"""The fleet at a glance: what the console's first page counts, and whether anything is new."""

from datetime import UTC
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.accounts.credentials import now
from API.app.queries.admission import ACTIVE
from API.app.queries.estados import STATE, as_bound
from API.app.queries.excepciones import COVERS, ENDS
from API.app.queries.times import as_ms
from createDB.schema import OPEN


class Progress(NamedTuple):
    """Up to where everything is that pages show: equal ones show the same, but for the time."""

    id_serv: int | None
    """The last report."""
    judged: int | None
    """The last one that was judged."""
    id_auditoria: int | None
    """The last thing that somebody did."""
    to_review: int
    """Policies that changed, whose review is not done."""


def progress(connection: Connection) -> Progress:
    """Tell up to where everything is."""
    return Progress(*connection.exec_driver_sql(_PROGRESS).one())


def in_trouble(connection: Connection) -> int:
    """Count the active servers that don't report, or fail a grave policy without an exception."""
    moment = now()
    values = {"ahora": as_bound(moment), "ms": as_ms(moment.replace(tzinfo=UTC))}
    found: int = connection.exec_driver_sql(_TROUBLE, values).scalar_one()
    return found


_PROGRESS = """
    SELECT (SELECT max(id_serv) FROM servers),
        (SELECT hasta FROM avance WHERE que = 'juzgado'),
        (SELECT max(id_auditoria) FROM auditoria),
        (SELECT count(*) FROM politicas WHERE vigente AND repaso IS NOT NULL)
"""
_TROUBLE = f"""
    SELECT count(*) FROM agentes a WHERE a.estado = '{ACTIVE}' AND (
        {STATE} IN ('callado', 'ausente') OR EXISTS (
            SELECT 1 FROM cumplimiento c JOIN politicas o USING (num_politica)
            WHERE c.num_agente = a.num_agente AND c.hasta = {OPEN} AND c.veredicto = 'no_cumple'
            AND o.vigente AND o.severidad IN ('critica', 'alta') AND NOT EXISTS (
                SELECT 1 FROM excepciones e WHERE e.num_politica = c.num_politica
                AND e.desde <= :ms AND {ENDS} > :ms AND {COVERS})))
"""  # noqa: S608 - text of our own
