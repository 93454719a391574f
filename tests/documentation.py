"""The documents as tests read them: fenced blocks, tables, links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

README, README_ES = ROOT / "README.md", ROOT / "README.es.md"
READMES = (README, README_ES)
MORE_QUERIES = ROOT / "docs" / "queries.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)")


class Block(NamedTuple):
    """A fenced block: its language and what stands in it."""

    language: str
    text: str


def blocks(path: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a document, in their order; of these languages, where some are named."""
    found = [Block(*match.groups()) for match in _FENCE.finditer(path.read_text())]
    return [block for block in found if not languages or block.language in languages]


def queries() -> list[str]:
    """The SQL that is offered to readers, in the README and beyond it."""
    return [block.text for path in (README, MORE_QUERIES) for block in blocks(path, "sql")]


def rows(path: Path) -> Iterator[str]:
    """The rows of a document's tables."""
    return (line for line in path.read_text().splitlines() if line.startswith("|"))


def links(path: Path) -> list[str]:
    """What a document links to, within the repository."""
    return [link for link in _LINK.findall(path.read_text()) if "://" not in link]


def documents() -> list[Path]:
    """Every document there is."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
