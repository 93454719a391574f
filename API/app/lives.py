"""How long what a server had was there, as bars on a time axis. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from API.app.auditing.spans import Span, merged
from API.app.queries.servidor import Life

UNITS = 1_000
"""How wide an axis is."""
LEAST_UNITS = 3
"""How wide a bar is at least: what was short is to be seen, too."""


class Bar(NamedTuple):
    """A stretch of an axis, in `UNITS`, and the moments it stands for; `kind` is how it looks."""

    x: float
    width: float
    desde: int
    hasta: int
    kind: str


class Window(NamedTuple):
    """The time that an axis shows, in milliseconds since 1970."""

    desde: int
    hasta: int

    def bar(self, desde: int, hasta: int, kind: str) -> Bar:
        """Draw a stretch of time, as far as it lies within."""
        scale = UNITS / max(1, self.hasta - self.desde)
        begin, end = max(desde, self.desde), min(hasta, self.hasta)
        x, width = (begin - self.desde) * scale, (end - begin) * scale
        width = max(width, LEAST_UNITS)
        return Bar(round(min(x, UNITS - width), 1), round(width, 1), desde, hasta, kind)

    def shows(self, desde: int, hasta: int) -> bool:
        """Tell whether any of a stretch lies within."""
        return desde <= self.hasta and hasta > self.desde

    def bars(self, spans: Iterable[Span], kind: str) -> list[Bar]:
        """Draw the stretches that lie within, joined where they are one to the eye."""
        near = (self.hasta - self.desde) // UNITS
        shown = [(begin, end + near) for begin, end in spans if self.shows(begin, end)]
        return [self.bar(begin, end - near, kind) for begin, end in merged(shown)]


class Lane(NamedTuple):
    """All that was there under one label within a window."""

    campo: str
    nombre: str
    valor: str | None
    there: list[Life]
    """What is there at the window's end."""
    gone: list[Life]
    """What was there before, the latest first."""
    bars: list[Bar]

    @property
    def first(self) -> int:
        """Give since when it is known."""
        return min(life.desde for life in (*self.there, *self.gone))

    @property
    def last(self) -> int | None:
        """Give when the last of it ceased; None while there is some."""
        return None if self.there else max(life.hasta or 0 for life in self.gone)

    @property
    def number(self) -> int:
        """Give how many there are at the window's end: equal items of a report count each."""
        return sum(life.veces for life in self.there)


def lanes(lives: Sequence[Life], window: Window) -> list[Lane]:
    """Sort what was there by label; what is there at the window's end comes first."""
    found: dict[tuple[str, str, str | None], list[Life]] = {}
    for life in lives:
        found.setdefault((life.campo, life.nombre, life.valor), []).append(life)
    made = [_lane(label, each, window) for label, each in found.items()]
    return sorted(made, key=_order)


def _lane(label: tuple[str, str, str | None], lives: list[Life], window: Window) -> Lane:
    there = [life for life in lives if life.hasta is None or life.hasta > window.hasta]
    gone = [life for life in lives if life.hasta is not None and life.hasta <= window.hasta]
    gone.sort(key=lambda life: -(life.hasta or 0))
    spans = [(life.desde, window.hasta if life.hasta is None else life.hasta) for life in lives]
    return Lane(*label, there, gone, window.bars(spans, "life"))


def _order(lane: Lane) -> tuple[bool, int, str, str]:
    last = lane.last
    return last is not None, -(last or 0), lane.nombre.casefold(), lane.valor or ""
