"""The views: what was true from when to when, in words, and the layout `compacto`.

Declared like the tables: a name, what it is, its columns with their meaning, and the SELECT.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, MetaData, Table

from createDB.schema import MAX_NUMBER, OPEN


class Layout(StrEnum):
    """Where the processes and sessions of each report are kept."""

    COMPLETO = "completo"
    """In rows of their own: the fastest to query, some 18 KB a report."""
    COMPACTO = "compacto"
    """In the periods alone; `procesos` and `usuarios_activos` are views with the same rows."""


class View(NamedTuple):
    """One view."""

    name: str
    comment: str
    columns: dict[str, str]
    select: str
    postgresql: str = ""
    """The SELECT there, where it is another one; it may have more columns."""


def _time(milliseconds: str) -> str:
    """Write a moment of the periods as text, in the form of the tables' other moments."""
    return f"moment_of({milliseconds})"


_BEGAN, _ENDED = _time("p.desde"), _time("p.hasta")
_PERIOD_COLUMNS = {
    "desde": "Moment of the first report that has it.",
    "hasta": "Moment of the first report that lacks it; NULL while it is open.",
}
# What ended and what is open stand apart, so that either is found by its name without reading all
# periods there are: an index has the one, `presencias` leads to the other.
_FROM_ENDED = (
    "FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) "
    f"WHERE p.hasta < {OPEN}"
)
_FROM_OPEN = (
    "FROM presencias JOIN periodos p USING (id_hecho, num_agente) "
    "JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) "
    f"WHERE p.hasta = {OPEN}"
)
_AGENT = {"id_agente": "Identity of the installation."}


def _history(columns: str, condition: str) -> str:
    """Write the SELECT of the periods that meet a condition."""
    return (
        f"SELECT {columns}, {_BEGAN}, {_ENDED} {_FROM_ENDED} AND {condition} "
        f"UNION ALL SELECT {columns}, {_BEGAN}, NULL {_FROM_OPEN} AND {condition}"
    )


_CHANGE = "a.id_agente, h.campo, nullif(p.pid, -1), h.nombre, h.valor, p.num_agente"

HISTORY = (
    View(
        "historial_procesos",
        "One row per period in which a process ran.",
        _AGENT
        | {
            "pid": "Process id.",
            "name": "Name of the process.",
            "username": "Who ran it; NULL where the system could not tell.",
            "inicio": "When it started, where known.",
            "veces": "Equal rows in one report.",
        }
        | _PERIOD_COLUMNS,
        _history(
            f"a.id_agente, nullif(p.pid, -1), h.nombre, h.valor, {_time('p.inicio')}, p.veces",
            "h.campo = 'procesos'",
        ),
    ),
    View(
        "historial_usuarios",
        "One row per period in which somebody was logged in.",
        _AGENT
        | {
            "username": "Who was logged in.",
            "pid": "Process of the session; NULL where the system could not tell.",
            "veces": "Equal rows in one report.",
        }
        | _PERIOD_COLUMNS,
        _history(
            "a.id_agente, h.nombre, nullif(p.pid, -1), p.veces", "h.campo = 'usuarios_activos'"
        ),
    ),
    View(
        "historial_sistema",
        "One row per period in which a fact of the system had one value.",
        _AGENT
        | {"dato": "Name of the fact: a column of `servers` or `agentes`.", "valor": "Its value."}
        | _PERIOD_COLUMNS,
        _history(
            "a.id_agente, h.campo, h.nombre", "h.campo NOT IN ('procesos', 'usuarios_activos')"
        ),
    ),
    View(
        "cambios",
        "One row per beginning and end of a period, but for the agents' own processes.",
        {
            "momento": "When it was first reported.",
            "tipo": "`inicia` or `termina`.",
            "id_agente": "Identity of the installation.",
            "campo": "Field of the report: procesos, usuarios_activos, or a fact of the system.",
            "pid": "Process id, where there is one.",
            "nombre": "Name of the process or user; or the value of the fact.",
            "valor": "Who runs the process.",
            "num_agente": "The server, by its number.",
        },
        f"SELECT {_BEGAN}, 'inicia', {_CHANGE} {_FROM_ENDED} AND p.propio = 0 "
        f"UNION ALL SELECT {_BEGAN}, 'inicia', {_CHANGE} {_FROM_OPEN} AND p.propio = 0 "
        f"UNION ALL SELECT {_ENDED}, 'termina', {_CHANGE} {_FROM_ENDED} AND p.propio = 0",
    ),
    View(
        "historial_cumplimiento",
        "One row per server, policy and period of one verdict.",
        _AGENT
        | {
            "id_politica": "The policy.",
            "severidad": "Its severity.",
            "veredicto": "`cumple`, `no_cumple`, `sin_datos` or `no_aplica`.",
            "desde": "Moment of the first report with this verdict.",
            "hasta": "Moment of the first report with another one; NULL while it is open.",
            "evidencia": "The rows that violated the policy at first.",
            "evidencia_ultima": "The rows at last, where they are others.",
            "razon": "Why there are no data, or what the evidence leaves out.",
        },
        f"SELECT a.id_agente, o.id_politica, o.severidad, p.veredicto, {_BEGAN}, "
        f"CASE WHEN p.hasta < {OPEN} THEN {_ENDED} END, p.evidencia, "
        "p.evidencia_ultima, p.razon FROM cumplimiento p JOIN politicas o USING (num_politica) "
        "JOIN agentes a USING (num_agente)",
    ),
)


def _rows(name: str, comment: str, key: str, columns: dict[str, str], facts: str) -> View:
    """Make the view that gives a report's items a row each, as the table of that name does."""
    return View(
        name,
        comment,
        {
            key: "Number of the row.",
            "id_serv": "The report the row belongs to.",
            "ip_server": "The report's `ipaddress`.",
            "fecha_hora": "The report's `fecha_hora`.",
        }
        | columns,
        f"SELECT s.id_serv * {MAX_NUMBER} + (p.numero + r.n - 1) % {MAX_NUMBER}, s.id_serv, "
        f"s.ipaddress, s.fecha_hora, {facts} FROM servers s "
        # CROSS JOIN keeps the order, which SQLite could not guess: a report, then the few periods
        # around its moment (https://sqlite.org/optoverview.html#manctrl).
        "CROSS JOIN periodos p "
        "ON p.num_agente = s.num_agente AND p.hasta > s.momento AND p.desde <= s.momento "
        f"CROSS JOIN hechos h ON h.id_hecho = p.id_hecho AND h.campo = '{name}' "
        "CROSS JOIN repeticiones r ON r.n <= p.veces "
        f"WHERE {_was_told(name)}",
        _rows_in_postgresql(name, facts),
    )


def _was_told(name: str) -> str:
    return f"s.errores IS NULL OR json_extract(s.errores, '$.{name}') IS NULL"


def _rows_in_postgresql(name: str, facts: str) -> str:
    """Write the same so that there too it goes from a report to its periods: OFFSET has it so.

    It does not know that one report has a number, in whichever partition, and would rather read
    all periods. The columns that the tables have there besides come last.
    """
    facts = re.sub(r"\b[ph]\.", "i.", facts)
    return (
        f"SELECT s.id_serv * {MAX_NUMBER} + (i.numero + i.n - 1) % {MAX_NUMBER}, s.id_serv, "
        f"s.ipaddress, s.fecha_hora, {facts}, s.num_agente, s.recibido "
        "FROM servers s CROSS JOIN LATERAL (SELECT p.pid, p.numero, h.nombre, h.valor, r.n "
        f"FROM periodos p JOIN hechos h ON h.id_hecho = p.id_hecho AND h.campo = '{name}' "
        "JOIN repeticiones r ON r.n <= p.veces WHERE p.num_agente = s.num_agente "
        f"AND p.hasta > s.momento AND p.desde <= s.momento OFFSET 0) i WHERE {_was_told(name)}"
    )


COMPACT = (
    _rows(
        "procesos",
        "One row per process and report: what runs, and as whom.",
        "id_proc",
        {
            "pid": "Process id.",
            "name": "Name of the process.",
            "username": "Who runs it; NULL where the system could not tell.",
        },
        "p.pid, h.nombre, h.valor",
    ),
    _rows(
        "usuarios_activos",
        "One row per session and report: who is logged in.",
        "id_usr",
        {
            "username": "Who is logged in.",
            "pid": "Process of the session; NULL where the system could not tell.",
        },
        "h.nombre, nullif(p.pid, -1)",
    ),
)


_IS_A_VIEW = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'procesos' AND type = 'view'",
    "postgresql": "SELECT 1 FROM pg_views WHERE viewname = 'procesos' "
    "AND schemaname = current_schema()",
}


def layout_of(connection: Connection) -> Layout:
    """Tell which layout a database has."""
    query = _IS_A_VIEW[connection.dialect.name]
    is_view = connection.exec_driver_sql(query).first() is not None
    return Layout.COMPACTO if is_view else Layout.COMPLETO


def tables_in(declared: MetaData, layout: Layout) -> list[Table]:
    """Give what is a table in a layout, not a view; what others refer to comes first."""
    views = {view.name for view in COMPACT} if layout is Layout.COMPACTO else set()
    return [table for table in declared.sorted_tables if table.name not in views]


def select_of(view: View, dialect: str) -> str:
    """Give the SELECT of a view; SQLite has no function of its own that writes a moment."""
    if dialect == "sqlite":
        return _MOMENT_OF.sub(
            r"strftime('%Y-%m-%d %H:%M:%f000', \1 / 1000.0, 'unixepoch')", view.select
        )
    return view.postgresql or view.select


ALSO_IN_POSTGRESQL = ("num_agente", "recibido")
"""Columns that rows of reports have there after those of the contract, as the tables do."""

_MOMENT_OF = re.compile(r"moment_of\(([\w.]+)\)")


def make_views(connection: Connection, layout: Layout) -> None:
    """Make the views of `layout` as they are declared here, in the caller's transaction."""
    for view in (*HISTORY, *(COMPACT if layout is Layout.COMPACTO else ())):
        select, named = select_of(view, connection.dialect.name), list(view.columns)
        if select == view.postgresql:
            named += ALSO_IN_POSTGRESQL
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")
        connection.exec_driver_sql(f"CREATE VIEW {view.name} ({', '.join(named)}) AS {select}")
