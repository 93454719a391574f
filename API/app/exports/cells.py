"""Keeps a spreadsheet from running what a cell says.

Excel and its like take a text that begins so for a formula, from CSV too, and what follows a
separator within a text for another cell: where numbers have a decimal comma, as in Spanish, that
is the semicolon (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import re

_SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - the wide ones run too
FORMULA = frozenset(f"{_SIGNS}\t\r\n")
"""What a spreadsheet takes for the beginning of a formula."""
_WITHIN = re.compile(f"(?<=[;\t\r\n])(?=[{re.escape(_SIGNS)}])")
_ADDED = re.compile(f"(?<=[;\t\r\n])'(?=[{re.escape(_SIGNS)}])")


def harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run."""
    if ";" in text or "\n" in text or "\t" in text or "\r" in text:  # sooner than to look for all
        text = _WITHIN.sub("'", text)
    return f"'{text}" if text[:1] in FORMULA else text


def original(cell: str) -> str:
    """Give the text that `harmless` was given."""
    text = cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA else cell
    return _ADDED.sub("", text)
