"""What a policy's query looks at, as SQLite itself sees it: it need run only when that changed.

Which columns a query reads, SQLite tells while it compiles it (its authorizer); whether it looks
processes up by their names alone, the plan tells. Both are asked of an empty database.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from functools import cache
from typing import NamedTuple

from API.app.compliance.guard import ROWS, QueryError, authorize, wrapped
from API.app.compliance.policy import Policy
from API.app.compliance.sandbox import empty
from API.app.facts import LISTS, SYSTEM_FIELDS
from createDB.schema import servers
from createDB.views import Layout

COLUMN_FACTS = frozenset(SYSTEM_FIELDS) & frozenset(servers.columns.keys())
FACTS = frozenset(fact.field for fact in LISTS) | COLUMN_FACTS
REPORTS = "servers"
"""What a policy requires that looks at more of `servers` than the facts of its report."""
FLEET = "agentes"
"""What a policy requires that looks at who reports, and when: it is judged by the clock."""
REQUIRED = (*sorted(FACTS), REPORTS, FLEET)

_KEYS = ("", "id_serv", "num_agente", "id_agente")
_HISTORY = ("periodos", "hechos", "presencias", "repeticiones")
_AGGREGATES = frozenset(("count", "group_concat", "json_group_array", "max", "min", "sum", "total"))


class Scope(NamedTuple):
    """What a query looks at."""

    facts: frozenset[str]
    reports: bool
    fleet: bool
    names: frozenset[str] | None
    """The only names of processes that make a difference to it; None where all do."""
    own: frozenset[str] | None
    """The tables it looks at, where it does so for its report alone."""
    columns: frozenset[str] | None
    """What it looks at of its report's row of `servers`, where it looks at nothing else."""


def scope_of(policy: Policy) -> Scope:
    """Find out what the query of `policy` looks at.

    Raises:
        QueryError: it is not a SELECT of what there is, or looks at more than `requiere` says.
    """
    unknown = [name for name in policy.requiere if name not in REQUIRED]
    if unknown:
        raise QueryError(f"requiere: no hay '{unknown[0]}'; hay {', '.join(REQUIRED)}")
    check_time(policy, policy.consulta)
    reads, functions = _compiled(policy.consulta)
    check_reads(policy, reads)
    own = _own(policy.consulta, reads)
    alone = own == frozenset((REPORTS,))
    return Scope(
        facts=frozenset(policy.requiere) & FACTS,
        reports=REPORTS in policy.requiere,
        fleet=FLEET in policy.requiere,
        names=_names(policy.consulta, reads, functions),
        own=own,
        columns=frozenset(name for _, name in reads if name not in _KEYS) if alone else None,
    )


def check_time(policy: Policy, query: str) -> None:
    """Make sure that a query of `policy` looks at no time but that of the judgement.

    Raises:
        QueryError: it does, or at that one without saying so in `requiere`.
    """
    if re.search(r"'now'|\bCURRENT_(TIME|DATE|TIMESTAMP)\b", query, re.IGNORECASE):
        raise QueryError("la hora de la consulta es :en, para juzgar también el pasado")
    if re.search(r":en\b", query) and FLEET not in policy.requiere:
        raise QueryError(f"la consulta mira la hora (:en), y '{FLEET}' falta en requiere")


def check_reads(policy: Policy, reads: Collection[tuple[str, str]]) -> None:
    """Make sure that `requiere` of `policy` names what a query of it reads.

    Args:
        policy: with its `requiere`.
        reads: tables and columns; an empty column is none.

    Raises:
        QueryError: it doesn't.
    """
    missing = sorted(_needs(reads) - set(policy.requiere))
    if missing:
        raise QueryError(f"la consulta mira '{missing[0]}', que falta en requiere")


def own_of(query: str) -> frozenset[str] | None:
    """Name the tables that a query looks at, where it does so for its report alone."""
    try:
        reads, _ = _compiled(query)
    except QueryError:
        return None
    return _own(query, reads)


def _own(query: str, reads: set[tuple[str, str]]) -> frozenset[str] | None:
    """Name the tables that a query looks at, where it does so for its report alone.

    It does where every look at a table goes by `id_serv`, or is at a row of `servers`, and the text
    has nothing that `id_serv` is compared with but `:id_serv`.
    """
    for table, column in reads:
        if table not in ("", "servers") and column not in ("", *ROWS.get(table, ())):
            return None
    if _OF_OTHERS.search(_COMPARED.sub("", query)):
        return None
    with closing(empty(Layout.COMPLETO)) as connection:
        looks, opened = _looks(connection, query, _OF_REPORT)
    known = Counter(name for look in looks for name in (look[2] or "servers", look[1]) if name)
    return frozenset(table for table, _ in reads if table) if opened == known else None


def _looks(
    connection: sqlite3.Connection, query: str, known: re.Pattern[str]
) -> tuple[Sequence[re.Match[str]], Counter[str]]:
    """Find looks of a kind in a query's plan; tell how often it opens which table or index.

    If these looks account for all that is opened, there are no others. The plan alone does not tell
    that: it calls a table as the query does, which may be by a name of WITH or by the words of
    another step, and of some looks it has no step (`2 IN (SELECT num_agente FROM servers)`). What
    is opened is known by where it begins in the file.
    """
    wanted = wrapped(query)
    plan = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {wanted}", _VALUES)]
    names = dict(connection.execute("SELECT rootpage, name FROM sqlite_schema").fetchall())
    code = connection.execute(f"EXPLAIN {wanted}", _VALUES)
    opened = Counter(names[begin] for _, what, _, begin, *_ in code if what in _OPEN)
    again = any(map(_AGAIN.match, plan))
    return [] if again else list(filter(None, map(known.fullmatch, plan))), opened


_OPEN = ("OpenRead", "ReopenIdx")
_AGAIN = re.compile("MULTI-INDEX OR|RIGHT-JOIN ")
"""Steps that have another look at what is open."""

_VALUES = {"id_serv": 1, "en": ""}
_COMPARED = re.compile(
    r"\b(\w+\.)?id_serv\s*=\s*:id_serv\b(?=\s*(\)|;|$|(AND|ORDER|GROUP|HAVING|LIMIT|UNION)\b))",
    re.IGNORECASE,
)
"""With what follows, so that nothing is done to the number before."""
_OF_OTHERS = re.compile(r"id_serv|\b(_?rowid_?|oid|natural)\b", re.IGNORECASE)
"""What leads to other reports; a number of a report has these names too in SQLite, and NATURAL
compares it without a name."""
_OF_REPORT = re.compile(
    r"SEARCH \w+ USING INDEX (ix_(procesos|usuarios_activos)_id_serv) \(id_serv=\?\)"
    r"|SEARCH \w+ USING INTEGER PRIMARY KEY \(rowid=\?\)"
)


def _compiled(query: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Compile a query; give the columns it reads, and the functions it calls."""
    reads, functions = set(), set()

    def note(action: int, first: str | None, second: str | None, *rest: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            reads.add((first or "", second or ""))
        elif action == sqlite3.SQLITE_FUNCTION:
            functions.add(second or "")
        return authorize(action, first, second, *rest)

    connection = _by_name()
    connection.set_authorizer(note)
    try:
        connection.execute(f"EXPLAIN {wrapped(query)}", _VALUES).close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise QueryError(f"la consulta no vale: {error}") from None
    finally:
        connection.set_authorizer(None)
    return reads, functions


@cache
def _by_name() -> sqlite3.Connection:
    """Make a database in which processes are found by their names, if a query goes by these."""
    connection = empty(Layout.COMPLETO)
    connection.executescript(
        "DROP TABLE procesos; CREATE TABLE procesos (id_proc INTEGER, id_serv INTEGER, "
        "ip_server TEXT, fecha_hora TEXT, pid INTEGER, name TEXT, username TEXT, "
        "PRIMARY KEY (name, id_proc)) WITHOUT ROWID"
    )
    return connection


def _needs(reads: Collection[tuple[str, str]]) -> set[str]:
    """Name what a query must require to read these columns."""
    needs = set()
    for table, column in reads:
        if table in FACTS:
            needs.add(table)
        elif table == "servers" and column in COLUMN_FACTS:
            needs.add(column)
        elif table in _HISTORY or (table == "servers" and column not in _KEYS):
            needs.add(REPORTS)
        elif table == "agentes" and column not in _KEYS:
            needs.add(FLEET)
    return needs


def _names(query: str, reads: set[tuple[str, str]], functions: set[str]) -> frozenset[str] | None:
    """Give the names of processes that a query asks for, where it asks for nothing else.

    It does where its one look at `procesos` is by name and it reads no other table: what it
    compares the name with can then only be what is written in its text, unless that is put
    together there.
    """
    looks, opened = _looks(_by_name(), query, _BY_NAME)
    by_name = len(looks) == opened.total() == 1
    alone = {table for table, _ in reads} == {"procesos"}
    if not (by_name and alone and functions <= _AGGREGATES and "||" not in query):
        return None
    texts = re.findall(r"'((?:[^']|'')*)'|\"([^\"]*)\"|([0-9.]+)", query)
    return frozenset(text.replace("''", "'") for row in texts for text in row if text)


_BY_NAME = re.compile(r"SEARCH \w+ USING PRIMARY KEY \(name=\?.*\)")
