"""The report as one page of HTML that prints well: no scripts, nothing from elsewhere."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from API.app.auditing.audit import Audit
from API.app.auditing.model import Record, Server, Times
from API.app.auditing.stamp import Stamp
from API.app.queries.times import from_ms

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

NAMES = {
    "cumple": "cumple",
    "no_cumple": "no cumple",
    "exceptuado": "exceptuado",
    "sin_datos": "sin datos",
    "no_aplica": "no aplica",
    "sin_reportes": "sin reportes",
    "sin_juzgar": "sin juzgar",
}
"""The parts of the time, as they are headed."""


class Groups:
    """The policies of a server, by what there is to tell of them."""

    def __init__(self, server: Server) -> None:
        self.mixed: list[Record] = []
        self.always: list[str] = []
        """Complied all the time."""
        self.never: list[str] = []
        """Were not for this server."""
        for each in server.politicas:
            whole = [name for name in NAMES if getattr(each.tiempos, name)]
            if whole == ["cumple"]:
                self.always.append(each.politica)
            elif whole == ["no_aplica"]:
                self.never.append(each.politica)
            else:
                self.mixed.append(each)

    @property
    def violations(self) -> Iterator[tuple[str, Any]]:
        """Each with its policy."""
        return ((each.politica, found) for each in self.mixed for found in each.incumplimientos)


def write_html(audit: Audit, stamp: Stamp, path: Path) -> None:
    """Write the page, a server at a time."""
    names = {"names": NAMES, "groups": Groups, "audit": audit, "stamp": stamp}
    with path.open("w", encoding="utf-8") as file:
        for text in _TEMPLATE.generate(names):
            file.write(text)


def _plain(text: object) -> str:
    """Show in one line what others wrote, without what hides or reorders it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def _moment(milliseconds: int | None) -> str:
    return "" if milliseconds is None else from_ms(milliseconds)[:19].replace("T", " ")


def _duration(milliseconds: int) -> str:
    """Write how long something took, in its two largest units."""
    seconds = milliseconds // 1_000
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}\N{NO-BREAK SPACE}{unit}")
    return " ".join(parts[:2])


def _percent(share: float | None) -> str:
    """Write a share; nothing is rounded up to 100."""
    if share is None:
        return "-"
    return f"{math.floor(share * 10_000) / 100:.2f}\N{NO-BREAK SPACE}%".replace(".", ",")


def _part(times: Times, name: str) -> str:
    part = getattr(times, name)
    return _duration(part) if part else ""


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"plain": _plain, "moment": _moment, "duration": _duration,
                     "percent": _percent, "part": _part}  # fmt: skip
    return made


_TEMPLATE = _environment().get_template("informe.html")
