"""Which version this is. It stands where the agent, which is copied alone, has it too."""

from createDB.engine import ROOT

VERSION = (ROOT / "agente" / "VERSION").read_text("ascii").strip()

HEADER = "Compliance-Version"
"""Of answers to whoever was let in; nobody else is told."""
