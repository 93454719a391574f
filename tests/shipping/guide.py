"""What docs/install.md has its reader type."""

from tests.conftest import ROOT
from tests.documentation import blocks

VERSION = (ROOT / "agente" / "VERSION").read_text().strip()
GUIDE = ROOT / "docs" / "install.md"


def commands(word: str) -> list[str]:
    """The guide's blocks that have a word in them."""
    found = [block.text for block in blocks(GUIDE, "shell") if word in block.text]
    assert found, word
    return found
