"""Writes what the documentation says of the database, and its diagrams, from what declares them.

`python3 -m createDB.describe` after a change of `createDB/schema.py` or of the wire model.
"""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Index, Table

from createDB.diagrams import report_model, structure
from createDB.engine import ROOT
from createDB.entity_relation import entity_relation, type_name
from createDB.schema import metadata
from createDB.views import HISTORY, View

DOCUMENT = ROOT / "docs" / "database.md"
BEGIN = "<!-- tables: made by createDB.describe -->"
END = "<!-- end of tables -->"


def documents() -> dict[Path, str]:
    """Give each file that is made here, as it should be."""
    images = ROOT / "images"
    return {
        images / "entity-relation.svg": entity_relation(metadata),
        images / "structure.svg": structure(),
        images / "report.svg": report_model(),
        DOCUMENT: _with_tables(DOCUMENT.read_text(encoding="utf-8")),
    }


def _with_tables(text: str) -> str:
    """Put the tables and views of today between the marks in `text`."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    sections = [_section(table) for table in metadata.tables.values()]
    sections += [_view_section(view) for view in HISTORY]
    tables = "\n\n".join(sections)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _view_section(view: View) -> str:
    lines = [f"### `{view.name}`", "", f"View. {view.comment}", ""]
    lines += ["| column | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in view.columns.items()]
    return "\n".join(lines)


def _section(table: Table) -> str:
    lines = [f"### `{table.name}`", "", str(table.comment), ""]
    lines += ["| column | type | key | meaning |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        cells = (f"`{column.name}`", type_name(column), _keys(column), str(column.comment))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _keys(column: "Column[object]") -> str:
    return ", ".join(_roles(column))


def _roles(column: "Column[object]") -> Iterator[str]:
    if column.primary_key:
        yield "primary key"
    for key in column.foreign_keys:
        yield f"→ `{key.target_fullname}`"
    for index in sorted(metadata.tables[column.table.name].indexes, key=_index_name):
        if column in list(index.columns):
            yield _index_role(index, column)


def _index_name(index: Index) -> str:
    return str(index.name)


def _index_role(index: Index, column: "Column[object]") -> str:
    others = " and ".join(f"`{other.name}`" for other in index.columns if other is not column)
    kind = "unique" if index.unique else "indexed"
    return f"{kind} with {others}" if others else kind


def main() -> None:
    """Write every file anew."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
