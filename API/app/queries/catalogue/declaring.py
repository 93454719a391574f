"""What declarations have in common: moments, columns of a table, filters."""

from collections.abc import Collection, Iterator

from sqlalchemy import DateTime, Float, Integer, Table

from API.app.queries.resource import Column, Filter, Kind, Takes

JSON_COLUMNS = ("errores", "etiquetas", "detalle")
"""Columns of tables whose text is JSON."""


def from_text(column: str) -> str:
    """Write a moment of the tables, which is UTC, as ISO 8601 with its offset."""
    return f"replace({column}, ' ', 'T') || '+00:00'"


def from_milliseconds(column: str) -> str:
    """Write a moment of the periods as ISO 8601 with its offset."""
    return f"strftime('%Y-%m-%dT%H:%M:%f', {column} / 1000.0, 'unixepoch') || '+00:00'"


def of_table(table: Table, alias: str, names: Collection[str]) -> Iterator[Column]:
    """Give columns of a table, in its order, with what the schema says of them."""
    for column in table.columns:
        name = str(column.name)
        if name not in names:
            continue
        expression, kind = f"{alias}.{name}", Kind.TEXT
        comment = str(column.comment)
        if name in JSON_COLUMNS:
            kind = Kind.JSON
        elif isinstance(column.type, DateTime):
            yield Column(name, Kind.MOMENT, comment, from_text(expression), expression)
            continue
        elif isinstance(column.type, Float):
            kind = Kind.NUMBER
        elif isinstance(column.type, Integer):
            kind = Kind.INTEGER
        yield Column(name, kind, comment, expression)


def is_like(expression: str, name: str) -> str:
    """Match the whole text, whatever its case, with the value bound as `Takes.PATTERN` is."""
    return f"lower({expression}) LIKE :{name} ESCAPE '\\'"


def pattern(name: str, *expressions: str, comment: str) -> Filter:
    """Declare a filter that takes `*`, for one of these expressions to match."""
    matches = " OR ".join(is_like(expression, name) for expression in expressions)
    return Filter(name, Takes.PATTERN, comment, f"({matches})")


AGENT = Filter(
    "agente", Takes.AGENT, "of the server with this `id_agente`", "a.id_agente = :agente"
)
LABEL = Filter(
    "etiqueta",
    Takes.LABEL,
    "of servers with this label, as `entorno:produccion`",
    "EXISTS (SELECT 1 FROM json_each(a.etiquetas) e "
    "WHERE e.key = :etiqueta_nombre AND e.value = :etiqueta_valor)",
)
