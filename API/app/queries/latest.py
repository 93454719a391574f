"""The report of a server that is meant, as each database finds it soonest.

SQLite finds it by its number. In PostgreSQL a number is looked up in each day's partition: there it
is found among the server's reports, in the days alone in which it can be.
"""

import sqlite3

from API.app.queries.direct import Direct
from createDB.schema import OPEN

SQLITE, POSTGRESQL = "sqlite", "postgresql"
"""As SQLAlchemy names them."""

_EARLIER_MS = 3_600_000
"""No report is told of the time after it came by more than this: a clock that is five minutes ahead
is not believed (`API/app/ingest/store.py`)."""

_CAME = f"moment_of(a.momento - {_EARLIER_MS})"

LATEST = {
    SQLITE: "s.id_serv = a.id_serv",
    POSTGRESQL: f"s.id_serv = a.id_serv AND s.num_agente = a.num_agente AND s.recibido >= {_CAME}",
}
"""Joins `servers s` with `agentes a`: the latest report."""


def database_of(connection: Direct) -> str:
    """Tell which database a connection of the driver's own is to."""
    return SQLITE if isinstance(connection, sqlite3.Connection) else POSTGRESQL


def is_given(name: str, kind: str = "BIGINT") -> str:
    """Tell whether what a source is bound to has a value; PostgreSQL has to be told its type."""
    return f"CAST(:{name} AS {kind}) IS NOT NULL"


_THEN = f"""(SELECT r.id_serv FROM servers r WHERE r.num_agente = a.num_agente
    AND r.momento <= coalesce(:en, {OPEN}) AND r.id_serv <= coalesce(:tope, {OPEN})
    ORDER BY r.momento DESC LIMIT 1)"""  # noqa: S608 - text of our own
_NUMBER = f"""CASE WHEN {is_given("reporte")} THEN :reporte
    WHEN NOT {is_given("en")} AND a.id_serv <= coalesce(:tope, {OPEN}) THEN a.id_serv
    ELSE {_THEN} END"""


def _unless_numbered(name: str) -> str:
    return f"CASE WHEN {is_given('reporte')} THEN {OPEN} ELSE coalesce(:{name}, {OPEN}) END"


_SERVER = f"""(NOT {is_given("reporte")}
    OR a.num_agente = (SELECT t.num_agente FROM servers t WHERE t.id_serv = :reporte))"""  # noqa: S608
REPORT = {
    SQLITE: f"FROM agentes a JOIN servers s ON s.id_serv = {_NUMBER}",
    POSTGRESQL: f"""FROM agentes a JOIN LATERAL (SELECT r.* FROM servers r
        WHERE r.num_agente = a.num_agente AND r.momento <= {_unless_numbered("en")}
        AND r.id_serv <= {_unless_numbered("tope")}
        AND (r.id_serv = :reporte OR NOT {is_given("reporte")})
        AND r.recibido >= CASE WHEN {is_given("en")} OR {is_given("reporte")}
            OR a.id_serv > coalesce(:tope, {OPEN}) THEN '-infinity' ELSE {_CAME} END
        ORDER BY r.momento DESC LIMIT 1) s ON {_SERVER}""",  # noqa: S608
}
"""From `agentes a` to the report `s` that is meant: the one of the number `reporte`, the one that
tells of the moment `en`, or the latest. `tope` is the last report that there was when an export
began: it shows the fleet as it was then, however long it takes."""

ITEMS = {
    SQLITE: REPORT[SQLITE] + " JOIN {table} i ON i.id_serv = s.id_serv",
    POSTGRESQL: REPORT[POSTGRESQL] + " JOIN {table} i ON i.id_serv = s.id_serv "
    "AND i.num_agente = s.num_agente AND i.recibido = s.recibido",
}
"""On from there to what is in it: `i`, of a table that is to be named."""
