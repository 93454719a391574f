"""What docs/install.md has its reader type."""

import re

from tests.conftest import ROOT
from tests.documentation import blocks

VERSION = (ROOT / "agente" / "VERSION").read_text().strip()
NEXT = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), VERSION)
GUIDE = ROOT / "docs" / "install.md"


def commands(word: str) -> list[str]:
    """The guide's blocks that have a word in them, with our version and the next for its own."""
    shown = [block.text for block in blocks(GUIDE, "shell") if word in block.text]
    found = [text.replace("0.1.1", NEXT).replace("0.1.0", VERSION) for text in shown]
    assert found, word
    return found
