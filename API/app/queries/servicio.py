"""Which servers were in service at a moment: as the audit trail says, which nobody changes."""

from API.app.queries.admission import LISTED
from API.app.queries.latest import is_given

RETIRING = ("agente.retirar", "agente.revocar")
RETURNING = ("agente.reanudar", "agente.volver", "agente.pausar")
"""Actions of the audit trail after which a server is out of service, and in it again."""


def in_ms(column: str) -> str:
    """Read a moment that is kept as text, in milliseconds since 1970."""
    return f"CAST(round((julianday({column}) - 2440587.5) * 86400000) AS BIGINT)"


OUT = f"""SELECT u.objeto FROM auditoria u WHERE u.accion IN {RETIRING} AND u.id_auditoria IN (
    SELECT max(v.id_auditoria) FROM auditoria v
    WHERE v.accion IN {(*RETIRING, *RETURNING)} AND {in_ms("v.momento")} <= {{at}}
    GROUP BY v.objeto) AND u.objeto IS NOT NULL"""  # noqa: S608 - text of our own
"""The identities of the servers that were out of service at the moment `at`."""

IN_SERVICE = f"""CASE WHEN {is_given("en")} THEN a.id_agente NOT IN ({OUT.format(at=":en")})
    ELSE a.estado IN {LISTED} END"""
"""Tells of `agentes a` whether it was in service at `en`, or is now where that is not given."""
