"""What somebody wants to know of a resource, read from the parameters of a request."""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from API.app.controllers.parameters import moment, page_size, refuse_unknown, wrong
from API.app.queries.estados import as_bound
from API.app.queries.letters import lowered
from API.app.queries.resource import Column, Filter, Question, Resource, Takes
from API.app.queries.times import as_ms

FIELDS, ORDER, LIMIT, AFTER = "campos", "orden", "limite", "despues"
BEGIN, END = "desde", "hasta"
"""Filters of a resource that has moments: a period, without its end."""
MAX_ROWS = 1 << 40
"""More rows than an export can be limited to."""

_INTEGER = re.compile("-?[0-9]{1,18}")
_DEFAULT = datetime(1970, 1, 1, tzinfo=UTC)


class Parameter(NamedTuple):
    """A parameter that every resource takes."""

    name: str
    comment: str


COMMON = (
    Parameter(FIELDS, "the columns that are shown, with commas between, in this order"),
    Parameter(ORDER, "the column by which rows are sorted; `-` before it reverses the order"),
    Parameter(LIMIT, "rows on a page, 1 to 1000; 100 unless given. Of CSV, NDJSON and XLSX, how "
              "many rows at most; all, unless given"),
    Parameter(AFTER, "where the page begins, from the `Link` of the one before"),
)  # fmt: skip


def parameters_of(resource: Resource) -> tuple[str, ...]:
    """Name the parameters that a resource takes; what has one order cannot be sorted."""
    common = (each.name for each in COMMON if each.name != ORDER or not resource.pages)
    return (*(each.name for each in resource.filters), *common)


def read_question(
    resource: Resource, arguments: Mapping[str, str], *, paged: bool = True
) -> Question:
    """Read a question.

    Args:
        resource: that is asked.
        arguments: the parameters, by their names.
        paged: whether the answer is a page, which has a size, or all rows.

    Raises:
        ProblemError: 400, naming the parameter that is wrong.
    """
    refuse_unknown(parameters_of(resource), arguments)
    values: dict[str, Any] = {}
    for each in resource.filters:
        if each.name in arguments:
            values |= _bound(each, arguments)
    _require_order(values)
    sort, descending = _order(resource, arguments.get(ORDER))
    question = Question(values, _columns(resource, arguments.get(FIELDS)), sort, descending)
    if paged:
        limit: int | None = page_size(arguments)
    else:
        limit = _whole(LIMIT, arguments[LIMIT], 1, MAX_ROWS) if LIMIT in arguments else None
    after = _place(resource, question, arguments[AFTER]) if AFTER in arguments else None
    return question._replace(limit=limit, after=after)


def _require_order(values: Mapping[str, Any]) -> None:
    """Refuse a period that ends before it begins: an empty list would look like an answer.

    Raises:
        ProblemError: 400.
    """
    if BEGIN in values and END in values and values[BEGIN] > values[END]:
        raise wrong(f"{BEGIN} must not be later than {END}")


def place_after(question: Question, end: tuple[Any, ...]) -> str:
    """Write where the next page begins; in the order of an `id_agente`, just that."""
    if question.sort is None and len(end) == 1 and isinstance(end[0], str):
        return end[0]
    return base64.urlsafe_b64encode(msgspec.json.encode(end)).decode().rstrip("=")


def _place(resource: Resource, question: Question, text: str) -> tuple[Any, ...]:
    if _is_plain(resource, question):
        return (text,)
    with_key = len(resource.key) + (question.sort is not None)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        place = msgspec.json.decode(packed, type=list[int | float | str | None])
    except (ValueError, msgspec.MsgspecError):
        place = []
    fits = len(place) == with_key and None not in place[-len(resource.key) :]
    if not fits or any(isinstance(value, int) and abs(value) >= 1 << 63 for value in place):
        raise wrong(f"{AFTER} must be as the Link of the page before has it")
    if resource.pages and not all(isinstance(value, int) and value >= 0 for value in place[-2:]):
        raise wrong(f"{AFTER} must be as the Link of the page before has it")
    return tuple(place)


def _is_plain(resource: Resource, question: Question) -> bool:
    return question.sort is None and resource.key == ("a.id_agente",)


def _columns(resource: Resource, text: str | None) -> tuple[Column, ...]:
    if text is None:
        return resource.columns
    columns = [_column(resource, FIELDS, name) for name in text.split(",")]
    return tuple(dict.fromkeys(columns))


def _order(resource: Resource, text: str | None) -> tuple[Column | None, bool]:
    if text is None:
        return None, False
    column = _column(resource, ORDER, text.removeprefix("-"))
    # In the order of the key rows come without being sorted.
    return None if column.order == resource.key[0] else column, text.startswith("-")


def _column(resource: Resource, parameter: str, name: str) -> Column:
    column = resource.column(name)
    if column is None:
        names = ", ".join(each.name for each in resource.columns)
        raise wrong(f"{parameter}: there is no column {name!r}; there are {names}")
    return column


def _bound(each: Filter, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Read the value of one filter as its SQL is bound to it."""
    text = arguments[each.name]
    if each.choices and text not in each.choices:
        raise wrong(f"{each.name} must be one of {', '.join(each.choices)}")
    if each.takes is Takes.LABEL:
        name, _, value = text.partition(":")
        return {each.name: text, f"{each.name}_nombre": name, f"{each.name}_valor": value}
    return {each.name: _READERS[each.takes](each.name, text)}


def _pattern(_name: str, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return lowered(escaped.replace("*", "%"))


def _agent(name: str, text: str) -> str:
    """A hostname would be nobody's `id_agente`, and the answer an empty list."""
    try:
        return str(UUID(text))
    except ValueError:
        raise wrong(f"{name} must be an id_agente, as GET /agentes has them") from None


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise wrong(f"{name} must be a whole number")
    return int(text)


def _whole(name: str, text: str, least: int, most: int) -> int:
    number = _integer(name, text)
    if not least <= number <= most:
        raise wrong(f"{name} must be from {least} to {most}")
    return number


def _boolean(name: str, text: str) -> int:
    if text not in ("si", "no"):
        raise wrong(f"{name} must be si or no")
    return int(text == "si")


def _moment(name: str, text: str) -> datetime:
    return moment(name, _DEFAULT, {name: text})


_READERS: Mapping[Takes, Callable[[str, str], Any]] = {
    Takes.TEXT: lambda _, text: text,
    Takes.AGENT: _agent,
    Takes.PATTERN: _pattern,
    Takes.INTEGER: _integer,
    Takes.BOOLEAN: _boolean,
    Takes.MOMENT: lambda name, text: as_ms(_moment(name, text)),
    Takes.MOMENT_TEXT: lambda name, text: as_bound(_moment(name, text).replace(tzinfo=None)),
}
