"""Turns a statement written for SQLite into one for PostgreSQL.

It changes what stands in the statement's own text, never what is in quotes:

- placeholders: `?`, `?1` and `:name` become psycopg's;
- `CROSS JOIN ... ON` (or USING), which tells SQLite the order, becomes JOIN;
- `INDEXED BY name` goes;
- `IN (SELECT CAST(value AS INTEGER) FROM json_each(?))` becomes `= ANY (numbers_of(?))`, of which
  the planner sees how many numbers there are, and which;
- `x IS y`, which compares NULLs too, becomes `x IS NOT DISTINCT FROM y`, as it is where y is NULL,
  TRUE, FALSE or NOT.

Functions keep their names (`functions.sql`). What is not here has to be said in words that both
understand.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

_TOKEN = re.compile(
    r"""
    (?P<quoted>'(?:[^']|'')*' | "(?:[^"]|"")*")
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<cast>::)
    | (?P<place>\?\d*)
    | :(?P<name>[A-Za-z_]\w*)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<space>\s+)
    | (?P<number>\d[\w.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_AMONG = re.compile(
    r"\bIN\s+\(SELECT CAST\(value AS (?:INTEGER|BIGINT)\) FROM json_each\((\?\d*|:\w+)\)\)"
)

Parameters = Sequence[Any] | Mapping[str, Any]


def translated(statement: str, parameters: Parameters) -> tuple[str, Parameters]:
    """Give a statement and its parameters as psycopg takes them.

    Args:
        statement: in SQLite's words.
        parameters: by place, or by name.
    """
    text, numbered = translation(statement)
    if numbered and not isinstance(parameters, Mapping):
        return text, {str(place): value for place, value in enumerate(parameters, start=1)}
    return text, parameters


def with_values(statement: str, values: Mapping[str, str], *, as_it_is: bool) -> str:
    """Write a statement with an expression in the place of each name; nothing else is a parameter.

    Args:
        statement: in SQLite's words, or in PostgreSQL's.
        values: expressions by name; a name that is not there stays.
        as_it_is: it is in PostgreSQL's words: nothing else is to be changed.
    """
    tokens = [_Token(found) for found in _TOKEN.finditer(statement)]
    if not as_it_is:
        _drop_hints(tokens)
        _compare_nulls(tokens)
    return "".join(
        values.get(token.text[1:], token.text) if token.kind == "name" else token.text
        for token in tokens
    )


def says_otherwise(statement: str) -> str | None:
    """Give what PostgreSQL may read otherwise than is done here, as `$` quotes; None if nothing."""
    tokens = [_Token(found) for found in _TOKEN.finditer(statement)]
    for token, after in pairwise([*tokens, _END]):
        opens = token.is_word("E", "U", "B", "X", "N") and after.text.startswith(("'", "&"))
        if "$" in token.text and token.kind != "quoted":
            return token.text
        if opens:
            return token.text + after.text[:1]
    return None


@lru_cache(maxsize=2_048)
def translation(statement: str) -> tuple[str, bool]:
    """Give a statement in PostgreSQL's words, and whether its places are numbered."""
    statement = _AMONG.sub(r"= ANY (numbers_of(\1))", statement)
    tokens = [_Token(found) for found in _TOKEN.finditer(statement)]
    numbered = any(token.kind == "place" and token.text != "?" for token in tokens)
    _drop_hints(tokens)
    _compare_nulls(tokens)
    return "".join(token.written() for token in tokens), numbered


class _Token:
    """A piece of a statement."""

    def __init__(self, found: re.Match[str]) -> None:
        self.kind = found.lastgroup or ""
        self.text = found[0]

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words

    def written(self) -> str:
        if self.kind == "name":
            return f"%({self.text[1:]})s"
        if self.kind == "place":
            return "%s" if self.text == "?" else f"%({self.text[1:]})s"
        return self.text.replace("%", "%%")


_END = _Token(next(_TOKEN.finditer(" ")))


def _drop_hints(tokens: list[_Token]) -> None:
    """Take out what tells SQLite how to go about it."""
    words = [place for place, token in enumerate(tokens) if token.kind == "word"]
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        if tokens[first].is_word("INDEXED") and tokens[second].is_word("BY"):
            for place in (first, second, third):
                tokens[place].text = ""
        join = tokens[first].is_word("CROSS") and tokens[second].is_word("JOIN")
        if join and _has_condition(tokens[second + 1 :]):
            tokens[first].text = ""


def _has_condition(rest: Sequence[_Token]) -> bool:
    """Tell whether a join says on what, before another clause begins."""
    depth = 0
    for token in rest:
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0:
            return False
        if depth == 0 and token.is_word("ON", "USING"):
            return True
        if depth == 0 and token.is_word("JOIN", "WHERE", "ORDER", "GROUP", "UNION", "LIMIT"):
            return False
    return False


def _compare_nulls(tokens: list[_Token]) -> None:
    said = [place for place, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    for place, after in pairwise(said):
        if tokens[place].is_word("IS"):
            follows = tokens[after]
            if not follows.is_word("NULL", "NOT", "TRUE", "FALSE", "DISTINCT"):
                tokens[place].text = "IS NOT DISTINCT FROM"
