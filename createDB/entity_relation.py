"""Draws the entity-relation diagram from `createDB.schema`, so that it can't go stale."""

from collections.abc import Iterable

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects import sqlite

from createDB.drawing import ROW, Drawing, row_middle

WIDTH = 320.0
GAP = 110.0
MARGIN = 24.0
SPACE = 26.0
"""Between two tables, one above the other."""

Places = dict[str, tuple[float, float]]
"""Where the upper left corner of each table is."""


def entity_relation(metadata: MetaData) -> str:
    """Draw every table with its columns, and every foreign key; give the SVG."""
    columns = list(_by_depth(metadata.sorted_tables))
    places: Places = {}
    bottom = 0.0
    for index, tables in enumerate(columns):
        top = MARGIN
        for table in tables:
            places[table.name] = (MARGIN + index * (WIDTH + GAP), top)
            top += _height(table) + SPACE
        bottom = max(bottom, top - SPACE)
    width = 2 * MARGIN + len(columns) * WIDTH + (len(columns) - 1) * GAP
    drawing = Drawing(width, bottom + MARGIN, "The tables of the database and their foreign keys")
    for table in metadata.sorted_tables:
        _draw_table(drawing, table, places)
    for table in metadata.sorted_tables:
        _draw_keys(drawing, table, places)
    return drawing.svg()


def type_name(column: "Column[object]") -> str:
    """Name the type of `column` as SQLite has it."""
    return column.type.compile(dialect=sqlite.dialect())


def _by_depth(tables: Iterable[Table]) -> Iterable[list[Table]]:
    """Group tables so that each stands to the right of those that it refers to."""
    depth: dict[str, int] = {}
    groups: list[list[Table]] = []
    for table in tables:  # sorted: what is referred to comes first
        parents = [key.column.table.name for key in table.foreign_keys]
        depth[table.name] = 1 + max((depth[name] for name in parents), default=-1)
        groups += [[] for _ in range(depth[table.name] + 1 - len(groups))]
        groups[depth[table.name]].append(table)
    for group in groups:
        group.sort(key=lambda table: not any(True for _ in _referring(table)))
        yield group


def _referring(table: Table) -> Iterable[Table]:
    return (
        other
        for other in table.metadata.tables.values()
        if any(key.column.table is table for key in other.foreign_keys)
    )


def _height(table: Table) -> float:
    return ROW * (len(table.columns) + 1) + 8


def _draw_table(drawing: Drawing, table: Table, places: Places) -> None:
    rows = [(_name(column), type_name(column)) for column in table.columns]
    drawing.listing(*places[table.name], WIDTH, table.name, rows)


def _name(column: "Column[object]") -> str:
    marks = [
        mark for mark, holds in (("PK", column.primary_key), ("FK", column.foreign_keys)) if holds
    ]
    return " ".join([column.name, *marks])


def _draw_keys(drawing: Drawing, table: Table, places: Places) -> None:
    """Draw each foreign key from its many (a crow's foot) to its one (a bar)."""
    for number, column in enumerate(table.columns):
        for key in column.foreign_keys:
            parent = key.column.table
            x, y = places[table.name][0], row_middle(places[table.name][1], number)
            parent_x = places[parent.name][0] + WIDTH
            parent_y = row_middle(places[parent.name][1], list(parent.columns).index(key.column))
            middle = x - GAP / 2
            drawing.line([(x, y), (middle, y), (middle, parent_y), (parent_x, parent_y)])
            drawing.line([(x, y - 6), (x - 12, y), (x, y + 6)])
            drawing.line([(parent_x + 8, parent_y - 6), (parent_x + 8, parent_y + 6)])
