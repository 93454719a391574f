"""How each server stands by the collector's clock: the states that lists, pages and metrics count.

Declared once, as an SQL expression over `agentes a`, which is bound `ahora`: UTC as the database
has it. docs/api.md says the same in words.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.accounts.credentials import now
from API.app.queries.admission import ACTIVE, PAUSED, RETIRED, REVOKED

DAY_S = 86_400
NEW_S = DAY_S
MISSING_S = 30 * DAY_S
SILENT_INTERVALS = 3
SILENT_AT_LEAST_S = 300
"""As the policy `silencio` has it: short intervals don't make anybody nervous."""
GRACE = 0.5
GRACE_AT_LEAST_S = 60
ASSUMED_INTERVAL_S = DAY_S // SILENT_INTERVALS
"""Of servers that name none: silent after a day."""


class State(NamedTuple):
    """One state: its name, and when a server is in it, in both languages of the console."""

    name: str
    es: str
    en: str


STATES = (
    State("nuevo", "su primer reporte, o su alta, fue hace menos de un día, y reporta",
          "its first report, or its enrolment, is less than a day old, and it reports"),
    State("reportando", "su último reporte llegó en su intervalo y medio más (60 s al menos)",
          "its last report came within its interval and half of it again (60 s at least)"),
    State("atrasado", "después de eso, y dentro de tres intervalos (5 minutos al menos)",
          "later than that, and within three intervals (5 minutes at least)"),
    State("callado", "nada desde hace más de tres intervalos (5 minutos al menos)",
          "nothing for more than three intervals (5 minutes at least)"),
    State("ausente", "nada desde hace más de 30 días, y de tres intervalos",
          "nothing for more than 30 days, and three intervals"),
    State(PAUSED, "el operador lo pausó", "the operator has paused it"),
    State(RETIRED, "el operador lo retiró", "the operator has retired it"),
    State(REVOKED, "el operador revocó su token", "the operator has revoked its token"),
)  # fmt: skip
"""In the order in which they are shown. Where a server names no interval, 8 hours are assumed."""

_SINCE_ENROLMENT = "(SELECT min(c.desde) FROM credenciales c WHERE c.num_agente = a.num_agente)"
_INTERVAL = f"coalesce(a.intervalo, {ASSUMED_INTERVAL_S})"
_SILENT = f"max({SILENT_INTERVALS} * {_INTERVAL}, {SILENT_AT_LEAST_S})"
_LATE = f"max({1 + GRACE} * {_INTERVAL}, {_INTERVAL} + {GRACE_AT_LEAST_S})"


def _age(column: str) -> str:
    """Write how many seconds ago a moment was; before all times where there is none."""
    moment = f"coalesce(a.{column}, {_SINCE_ENROLMENT}, '0001-01-01')"
    return f"(julianday(:ahora) - julianday({moment})) * {DAY_S}"


STATE = f"""CASE
    WHEN a.estado <> '{ACTIVE}' THEN a.estado
    WHEN {_age("ultimo_reporte")} > max({MISSING_S}, {_SILENT}) THEN 'ausente'
    WHEN {_age("ultimo_reporte")} > {_SILENT} THEN 'callado'
    WHEN {_age("ultimo_reporte")} > {_LATE} THEN 'atrasado'
    WHEN {_age("primer_reporte")} < {NEW_S} THEN 'nuevo'
    ELSE 'reportando' END"""
"""The expression: of `agentes a`, with `:ahora`."""

_COUNT = f"SELECT {STATE} AS situacion, count(*) AS n FROM agentes a GROUP BY 1"  # noqa: S608


def as_bound(moment: datetime) -> str:
    """Give a moment (UTC without an offset) as `:ahora` takes it."""
    return moment.isoformat(" ", "microseconds")


def servers_by_state(connection: Connection, at: datetime | None = None) -> dict[str, int]:
    """Count the servers in each state, those with none too; now, unless `at` says another moment.

    Who has reported since then counts as if it had just done so: the past is in the policies.
    """
    found = connection.exec_driver_sql(_COUNT, {"ahora": as_bound(at or now())})
    counts = {row.situacion: row.n for row in found}
    return {state.name: counts.get(state.name, 0) for state in STATES}
