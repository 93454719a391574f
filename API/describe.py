"""Writes docs/resources.md from the declarations of the resources.

python3 -m API.describe
"""

from collections.abc import Iterator

from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Filter, Resource, Takes
from createDB.engine import ROOT

PAGE = ROOT / "docs" / "resources.md"

HEADER = """\
# The resources

Made by `python3 -m API.describe` from the declarations in `API/app/queries/catalogue/`, as is
`/openapi.json`; [api.md](api.md#resources) says what all of them have in common: `campos`, `orden`,
`limite`, `despues`, and the formats.
"""

_READ_AS = {
    Takes.INTEGER: "a whole number",
    Takes.BOOLEAN: "`si` or `no`",
    Takes.MOMENT: "a moment",
    Takes.MOMENT_TEXT: "a moment",
}


def text() -> str:
    """Give the whole page."""
    return "\n".join([HEADER, *(line for each in RESOURCES.values() for line in _section(each))])


def _section(resource: Resource) -> Iterator[str]:
    yield f"## `{resource.name}`\n"
    yield f"{resource.title} For `{resource.role}`. {resource.notes}".rstrip() + "\n"
    yield "| parameter | meaning |\n| --- | --- |"
    for each in resource.filters:
        yield f"| `{each.name}` | {_meaning(each)} |"
    yield "\n| column | kind | meaning |\n| --- | --- | --- |"
    for column in resource.columns:
        yield f"| `{column.name}` | {column.kind} | {column.comment} |"
    yield ""


def _meaning(each: Filter) -> str:
    if each.choices:
        return f"{each.comment}: {', '.join(f'`{choice}`' for choice in each.choices)}"
    read_as = _READ_AS.get(each.takes)
    return f"{each.comment} ({read_as})" if read_as else each.comment


if __name__ == "__main__":
    PAGE.write_text(text())
