"""Keeps a spreadsheet from running what a cell says.

Excel and its like take a text that begins so for a formula, from CSV too
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - the wide ones run too
"""What a spreadsheet takes for the beginning of a formula."""


def harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if text[:1] in FORMULA else text


def original(cell: str) -> str:
    """Give the text that `harmless` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA else cell
