"""A resource: rows that can be narrowed, sorted, paged and exported; declared once.

Its route, its query, its part of /openapi.json and the page under /api follow from the declaration
(`API/app/queries/catalogue.py`). Pages are found by the key of their last row: they hold their
place while reports come in, and the last one costs no more than the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from API.app.accounts.roles import Role
from API.app.queries.estados import as_bound
from API.app.queries.times import as_ms

BATCH = 5_000
"""Rows that an export reads at once. Between two batches no transaction stays open, so that a slow
reader does not keep the database from tidying its -wal."""

SORTED_BATCH = 20_000
"""The same where rows are sorted by what has no index: each batch then looks at all of them."""


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    """ISO 8601 with its offset."""
    JSON = "json"
    """Text of a JSON object or array."""


class Column(NamedTuple):
    """One column, in the database and in every format."""

    name: str
    kind: Kind
    comment: str
    sql: str = ""
    raw: str = ""
    """What it is sorted by, where that is not what is shown."""

    @property
    def order(self) -> str:
        """Give the expression it is sorted by."""
        return self.raw or self.sql


class Takes(StrEnum):
    """How the value of a filter is read."""

    TEXT = "text"
    """Exactly this."""
    AGENT = "agent"
    """An `id_agente`."""
    PATTERN = "pattern"
    """`*` stands for any text, the case does not count."""
    INTEGER = "integer"
    BOOLEAN = "boolean"
    """`si` or `no`."""
    MOMENT = "moment"
    """ISO 8601, bound in milliseconds since 1970."""
    MOMENT_TEXT = "moment_text"
    """The same, bound as the tables have it."""
    LABEL = "label"
    """`name:value`, bound as `{name}_nombre` and `{name}_valor`."""


class Filter(NamedTuple):
    """One parameter that narrows a resource, or says which moment is meant."""

    name: str
    takes: Takes
    comment: str
    sql: str = ""
    """What must hold, with the value as `:name`. Empty where the source itself is bound to it."""
    choices: tuple[str, ...] = ()


class Question(NamedTuple):
    """What somebody wants to know of a resource."""

    values: Mapping[str, Any]
    """Of the filters, as they are bound; a filter that was not given is not in it."""
    columns: tuple[Column, ...]
    sort: Column | None = None
    """None is the order of the key."""
    descending: bool = False
    limit: int | None = None
    after: tuple[Any, ...] | None = None
    """Where the page before ended."""


class Page(NamedTuple):
    """Some rows, and where the next page begins; None after the last."""

    rows: Sequence[Sequence[Any]]
    end: tuple[Any, ...] | None


@dataclass(frozen=True)
class Resource:
    """Rows that answer at `/{name}`."""

    name: str
    title: str
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    source: str | Mapping[str, str] = ""
    """From FROM on; by database, where they are not to be asked alike. May use `:ahora`, `:reloj`
    (the moment, as text and in milliseconds) and the filters that have no `sql`, which are NULL
    where they are not given."""
    key: tuple[str, ...] = ()
    """Expressions that tell rows apart, in the order in which rows come."""
    where: str = "1 = 1"
    role: Role = Role.LECTOR
    notes: str = ""
    summary: tuple[str, ...] = ()
    """The columns by which a workbook's summary counts the rows."""
    pages: Callable[[Connection, Question, int], Page] | None = None
    """Gives a page, where that takes more than one SELECT; such a resource has one order."""
    beside: Callable[[Connection, Question], dict[str, Any]] | None = None
    """What the JSON says beside the rows."""

    def column(self, name: str) -> Column | None:
        """Give the column of this name."""
        return next((column for column in self.columns if column.name == name), None)


def page(connection: Connection, resource: Resource, question: Question, limit: int) -> Page:
    """Give the next rows that a question asks for, `limit` at most, and where they end."""
    if resource.pages:
        return resource.pages(connection, question, limit)
    statement = _statement(resource, question, connection.dialect.name)
    rows = connection.exec_driver_sql(statement, _bound(resource, question, limit + 1)).all()
    shown = len(question.columns)
    end = tuple(rows[limit - 1][shown:]) if len(rows) > limit else None
    return Page([tuple(row[:shown]) for row in rows[:limit]], end)


def all_rows(engine: Engine, resource: Resource, question: Question) -> Iterator[Page]:
    """Give all rows that a question asks for, batch by batch; each is one short transaction."""
    now = datetime.now(UTC)
    with engine.connect() as connection:
        top = connection.exec_driver_sql("SELECT max(id_serv) FROM servers").scalar()
    question = question._replace(values={**at(now), "tope": top, **question.values})
    left = question.limit
    while left != 0:
        size = SORTED_BATCH if question.sort else BATCH
        size = size if left is None else min(left, size)
        with engine.connect() as connection:
            found = page(connection, resource, question, size)
        yield found
        if found.end is None:
            return
        left = None if left is None else max(left - len(found.rows), 0)
        question = question._replace(after=found.end)


def at(moment: datetime) -> dict[str, Any]:
    """Give the clock as sources are bound to it."""
    return {"reloj": as_ms(moment), "ahora": as_bound(moment.astimezone(UTC).replace(tzinfo=None))}


def _statement(resource: Resource, question: Question, database: str) -> str:
    source = resource.source
    source = source if isinstance(source, str) else source[database]
    conditions = [resource.where]
    conditions += [
        each.sql for each in resource.filters if each.sql and each.name in question.values
    ]
    if question.after is not None:
        conditions += _beyond(resource, question, question.after)
    shown = [f"{column.sql} AS {column.name}" for column in question.columns]
    order = [*([question.sort.order] if question.sort else []), *resource.key]
    direction = " DESC" if question.descending else ""
    directions = [direction] * len(order)
    if question.sort:  # as SQLite has it by itself; no part of a key is ever NULL
        directions[0] += " NULLS LAST" if question.descending else " NULLS FIRST"
    return f"""
        SELECT {", ".join([*shown, *order])} {source}
        WHERE {" AND ".join(conditions)}
        ORDER BY {", ".join(map("".join, zip(order, directions, strict=True)))} LIMIT :limite
    """


def _beyond(resource: Resource, question: Question, after: tuple[Any, ...]) -> Iterator[str]:
    """Write what holds of the rows that follow the last one of the page before.

    NULLs come first where the order ascends, as SQLite has it.
    """
    sign = "<" if question.descending else ">"
    first = len(after) - len(resource.key)
    places = [f":despues_{number}" for number in range(first, len(after))]
    key = f"({', '.join(resource.key)}) {sign} ({', '.join(places)})"
    if question.sort is None:
        yield key
        if len(places) > 1:  # said again, as an index can be searched by it
            yield f"{resource.key[0]} {sign}= {places[0]}"
        return
    order = question.sort.order
    same = f"{order} IS :despues_0 AND {key}"
    if after[0] is None:
        others = "1 = 0" if question.descending else f"{order} IS NOT NULL"
    else:
        others = f"{order} {sign} :despues_0"
        others += f" OR {order} IS NULL" if question.descending else ""
    yield f"({others} OR ({same}))"


def _bound(resource: Resource, question: Question, limit: int) -> dict[str, Any]:
    values: dict[str, Any] = {each.name: None for each in resource.filters}
    values |= {"tope": None, **at(datetime.now(UTC)), **question.values, "limite": limit}
    return values | {
        f"despues_{number}": value for number, value in enumerate(question.after or ())
    }
