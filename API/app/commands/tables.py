"""How commands show rows."""

from collections.abc import Iterable, Sequence


def in_columns(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay rows out below their titles, a line each."""
    lines = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def one_line(text: str) -> str:
    """Show in one line what others wrote: it must not forge a row."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def minute(moment: str | None) -> str:
    """Cut a moment (UTC) down to its minute; nothing where there is none."""
    return f"{moment[:16]}Z" if moment else ""
