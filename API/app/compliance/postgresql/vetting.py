"""Finds out what a query would do on PostgreSQL before it does it, as PostgreSQL itself sees it.

A view of it is made and taken back: that reads the query and looks up all that it names, and runs
nothing. What the view is made of says which tables and columns it reads, which functions and
operators it calls and which types it makes. There is a list of what is allowed of each; whatever is
not on it is refused, also what a later version has and this list doesn't.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from API.app.compliance.guard import COLUMNS_OF_AGENTS, TABLES, QueryError, slow
from API.app.compliance.postgresql.trees import Node, nodes_of
from createDB.engine import said_by
from createDB.postgresql.building import FUNCTIONS
from createDB.postgresql.engine import AS_IT_IS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OWN_FUNCTIONS = frozenset(re.findall(r"FUNCTION (\w+)\(", FUNCTIONS.read_text(encoding="utf-8")))
"""Those of SQLite's that the database was given."""

CATALOGUE_FUNCTIONS = _words(
    """
    abs ceil ceiling floor mod round sign sqrt trunc
    ascii btrim char_length character_length chr concat concat_ws left length like_escape lower
    ltrim md5 octet_length position reverse right rtrim split_part starts_with strpos substr
    substring upper
    age date date_part date_trunc extract isfinite make_date make_interval make_timestamp timezone
    to_char
    json_array_elements_text json_array_length json_typeof
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_each jsonb_each_text
    jsonb_extract_path_text jsonb_object_keys jsonb_typeof
    avg bool_and bool_or count every max min mode percentile_cont percentile_disc stddev sum
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank
    row_number
    """
)
"""PostgreSQL's own that a query may call: none reaches out, says something else each time, or makes
much of little (repeat, replace, string_agg, generate_series)."""

OPERATORS = _words("= <> < > <= >= + - * / % || ~~ !~~ ~~* !~~* ~ !~ ~* !~* -> ->> #> #>> ? @> <@")

TYPES = _words(
    """
    bool int2 int4 int8 float4 float8 numeric text varchar bpchar uuid unknown record
    date time timestamp timestamptz interval json jsonb jsonpath
    _bool _int2 _int4 _int8 _float8 _numeric _text _varchar _date _timestamp
    """
)

NODES = _words(
    """
    QUERY ALIAS RANGETBLENTRY RTE RTEPERMISSIONINFO RANGETBLREF RANGETBLFUNCTION FROMEXPR JOINEXPR
    TARGETENTRY COMMONTABLEEXPR SETOPERATIONSTMT SORTGROUPCLAUSE WINDOWCLAUSE SUBLINK PARAM
    VAR CONST FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR
    NULLTEST BOOLEANTEST RELABELTYPE COERCEVIAIO AGGREF WINDOWFUNC
    CASEEXPR CASE CASEWHEN WHEN CASETESTEXPR COALESCEEXPR COALESCE MINMAXEXPR MINMAX
    ARRAYEXPR ARRAY ROWEXPR ROW ROWCOMPAREEXPR ROWCOMPARE
    """
)
"""Those of version 15, where they have other names, and of later ones."""

TIME_MS = 2_000
"""How long a query may take, in milliseconds; waiting counts, which processor time does not."""

MOST_QUERIES = 50
"""Queries that may stand in one."""

MOST_COLUMNS = 100

MOST_WORK = 50_000
"""Columns that a query may come to when the planner puts expressions in place of the columns that
they are behind: `SELECT x || x FROM (SELECT y || y AS x FROM ...)` doubles with each, and it does
not look at the clock meanwhile."""

_WHOLE_ROW = 7
"""What a column's number is counted from in a set of them (FirstLowInvalidHeapAttributeNumber)."""


class Vetted(NamedTuple):
    """A query that may run."""

    reads: set[tuple[str, str]]
    """Table and column; of a table of which it only counts the rows, an empty column."""
    columns: tuple[str, ...]
    """What it gives."""


def vet(connection: Connection, query: str) -> Vetted:
    """Find out what a query does.

    Args:
        connection: in a transaction of its own that may write; it is rolled back.
        query: in PostgreSQL's words, without parameters.

    Raises:
        QueryError: it is no SELECT, or does what it must not; the message says what.
    """
    try:
        _make_sure_it_is_one(connection, query)
        _run(
            connection,
            f"CREATE TEMP VIEW consulta AS SELECT count(*) FROM (\n{query}\n) AS x",  # noqa: S608
        )
        view, tree = connection.exec_driver_sql(_TREE).one()
        nodes = nodes_of(tree)
        _check_size(nodes)
        _check_nodes(nodes)
        _check_names(connection, nodes)
        reads = _reads(connection, nodes, view)
        return Vetted(reads, _columns(connection, query))
    except DBAPIError as error:
        raise refusal(error) from None
    finally:
        connection.rollback()


def refusal(error: DBAPIError) -> QueryError:
    """Say why PostgreSQL refuses a query.

    Raises:
        DBAPIError: it isn't the query's fault.
    """
    if was_stopped(error):
        return QueryError(slow(TIME_MS))
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state == _LOCKED or state[:2] in _NOT_ITS_FAULT:
        raise error
    return QueryError(f"la consulta falla: {said_by(error)}")


def was_stopped(error: DBAPIError) -> bool:
    """Tell whether a query took too long, as it may where the machine has much else to do."""
    return getattr(error.orig, "sqlstate", None) == _STOPPED


_STOPPED, _LOCKED = "57014", "55P03"
_NOT_ITS_FAULT = frozenset(("", "08", "28", "40", "53", "57", "58", "XX"))
"""Classes of codes (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def _make_sure_it_is_one(connection: Connection, query: str) -> None:
    """Have the query read alone: it is one statement, and no bracket of it closes one of ours."""
    raw: Any = connection.connection.driver_connection
    connection.exec_driver_sql("SAVEPOINT solo")
    answer = raw.pgconn.prepare(b"", query.encode())
    said = answer.error_message.decode(errors="replace")
    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT solo")
    if said:
        raise QueryError(f"la consulta no vale: {said.splitlines()[0]}")


def _check_size(nodes: list[Node]) -> None:
    queries = [node for node in nodes if node.kind == "QUERY"]
    if len(queries) > MOST_QUERIES:
        raise QueryError(f"la consulta tiene más de {MOST_QUERIES} consultas dentro")
    columns = sum(node.kind == "VAR" for node in nodes)
    if columns * _growth(nodes, queries) > MOST_WORK:
        raise QueryError("la consulta pone demasiadas expresiones unas dentro de otras")
    given = [node for node in nodes if node.kind == "TARGETENTRY" and node.parent is queries[1]]
    if len(given) > MOST_COLUMNS:
        raise QueryError(f"la consulta da más de {MOST_COLUMNS} columnas")


def _growth(nodes: list[Node], queries: list[Node]) -> int:
    """Tell how many columns one of the outermost query may become, at most."""
    widest = dict.fromkeys(queries, 1)
    used: dict[Node, int] = {}
    for node in nodes:
        if node.kind == "VAR":
            for above in node.above():
                if above.kind == "TARGETENTRY" and above.parent in widest:
                    used[above] = used.get(above, 0) + 1
                    widest[above.parent] = max(widest[above.parent], used[above])
    grown: dict[Node, int] = {}
    for query in reversed(queries):
        inside, named = 1, 1
        for other in grown:
            between = next((each for each in other.above() if each.kind in _HOLD), None)
            if next(each for each in other.above() if each.kind == "QUERY") is not query:
                continue
            if between is not None and between.kind == "COMMONTABLEEXPR":
                named *= grown[other]
            else:
                inside = max(inside, grown[other])
        grown[query] = widest[query] * inside * named
    return grown[queries[0]]


_HOLD = ("QUERY", "COMMONTABLEEXPR")


def _check_nodes(nodes: list[Node]) -> None:
    for node in nodes:
        if node.kind not in NODES:
            raise QueryError(f"la consulta hace lo que no debe: {node.kind.lower()}")
        for flag in ("hasRecursive", "hasModifyingCTE", "hasForUpdate"):
            if (flag, "true") in node.words:
                raise QueryError(f"la consulta hace lo que no debe: {_FLAGS[flag]}")


_FLAGS = {
    "hasRecursive": "with recursive",
    "hasModifyingCTE": "cambiar datos",
    "hasForUpdate": "for update",
}


def _check_names(connection: Connection, nodes: list[Node]) -> None:
    """Look up functions, operators and types, each by its number."""
    functions = _named(nodes, "funcid", "aggfnoid", "winfnoid")
    rows = list(connection.exec_driver_sql(_FUNCTIONS, (sorted(functions),)))
    for row in rows:
        known = (row.catalogue and (row.casts or row.proname in CATALOGUE_FUNCTIONS)) or (
            row.ours and row.proname in OWN_FUNCTIONS
        )
        _allow(known, f"la función {row.proname}")
    operators = _named(nodes, "opno", "opnos")
    rows += connection.exec_driver_sql(_OPERATORS, (sorted(operators),))
    for row in rows[len(functions) :]:
        _allow(row.catalogue and row.oprname in OPERATORS, f"el operador {row.oprname}")
    types = _named(nodes, "consttype", "resulttype", "funcresulttype", "array_typeid")
    found = connection.exec_driver_sql(_TYPES, (sorted(types),)).all()
    for row in found:
        _allow(row.catalogue and row.typname in TYPES, f"el tipo {row.typname}")
    _allow(len(rows) == len(functions | operators) and len(found) == len(types), "lo que no está")


def _named(nodes: Iterable[Node], *fields: str) -> set[int]:
    return {number for node in nodes for field in fields for number in node.numbers(field)} - {0}


def _reads(connection: Connection, nodes: list[Node], view: int) -> set[tuple[str, str]]:
    """Name the tables and columns that are read, all of them allowed ones.

    In version 15 a view's tree names the view as well, as what its rules call OLD and NEW.
    """
    columns: dict[int, set[int]] = {}
    for node in nodes:
        if any(field == "selectedCols" for field, _ in node.words):
            for relation in node.numbers("relid"):
                columns.setdefault(relation, set()).update(node.numbers("selectedCols"))
    relations = _named(nodes, "relid") - {view}
    rows = connection.exec_driver_sql(_RELATIONS, (sorted(relations),)).all()
    _allow(relations <= columns.keys() and len(rows) == len(relations), "leer lo que no se ve")
    reads = set()
    for row in rows:
        _allow(row.ours and row.relname in TABLES, f"leer {row.relname}")
        names = _column_names(connection, row.oid, columns[row.oid])
        for name in names:
            allowed = row.relname != "agentes" or name in COLUMNS_OF_AGENTS
            _allow(allowed, f"leer {row.relname}.{name}")
        reads |= {(row.relname, name) for name in names or [""]}
    return reads


def _column_names(connection: Connection, relation: int, members: Collection[int]) -> list[str]:
    _allow(all(member > _WHOLE_ROW for member in members), "leer filas enteras")
    numbers = [member - _WHOLE_ROW for member in members]
    return list(connection.exec_driver_sql(_COLUMNS, (relation, numbers)).scalars())


def _allow(allowed: Any, what: str) -> None:
    if not allowed:
        raise QueryError(f"la consulta hace lo que no debe: {what}")


def _columns(connection: Connection, query: str) -> tuple[str, ...]:
    empty = f"SELECT * FROM (\n{query}\n) AS consulta LIMIT 0"  # noqa: S608 - allowed by now
    return tuple(_run(connection, empty).keys())


def _run(connection: Connection, statement: str) -> CursorResult[Any]:
    """Run a statement that is in PostgreSQL's words."""
    text = statement.replace("%", "%%")
    return connection.exec_driver_sql(text, execution_options={AS_IT_IS: True})


_HERE = "= current_schema()::regnamespace"
_CATALOGUE = "= 'pg_catalog'::regnamespace"
_TREE = """
    SELECT CAST(ev_class AS bigint), CAST(ev_action AS text) FROM pg_catalog.pg_rewrite
    WHERE ev_class = CAST('pg_temp.consulta' AS regclass)
"""
_FUNCTIONS = f"""
    SELECT proname, pronamespace {_CATALOGUE} AS catalogue, pronamespace {_HERE} AS ours,
        EXISTS (SELECT 1 FROM pg_catalog.pg_cast WHERE castfunc = p.oid) AS casts
    FROM pg_catalog.pg_proc p WHERE oid = ANY(?)
"""  # noqa: S608 - text of our own, as all that follows
_OPERATORS = f"""
    SELECT oprname, oprnamespace {_CATALOGUE} AS catalogue
    FROM pg_catalog.pg_operator WHERE oid = ANY(?)
"""  # noqa: S608
_TYPES = f"""
    SELECT typname, typnamespace {_CATALOGUE} AS catalogue
    FROM pg_catalog.pg_type WHERE oid = ANY(?)
"""  # noqa: S608
_RELATIONS = f"""
    SELECT CAST(oid AS bigint) AS oid, relname, relnamespace {_HERE} AS ours
    FROM pg_catalog.pg_class WHERE oid = ANY(?)
"""  # noqa: S608
_COLUMNS = "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = ? AND attnum = ANY(?)"
