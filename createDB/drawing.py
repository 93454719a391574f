"""A pen for our diagrams: boxes, words and lines as SVG that reads on light and dark pages."""

from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

ROW = 22.0
"""Height of a row of words in a box, in pixels."""

STYLE = """
.card{fill:#ffffff;stroke:#d0d7de}
.box{fill:#f6f8fa;stroke:#8c959f}
.head{fill:#d8e9fb;stroke:#8c959f}
.store{fill:#fff3d6;stroke:#8c959f}
.line{fill:none;stroke:#57606a;stroke-width:1.5}
.tip{fill:#57606a}
text{fill:#1f2328;font:13px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.name{font-weight:600;font-size:14px}
.code{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.soft{fill:#57606a;font-size:12px}
@media (prefers-color-scheme:dark){
.card{fill:#0d1117;stroke:#30363d}
.box{fill:#161b22;stroke:#6e7681}
.head{fill:#1f3b5c;stroke:#6e7681}
.store{fill:#3d3012;stroke:#6e7681}
.line{stroke:#9ea7b3}
.tip{fill:#9ea7b3}
text{fill:#e6edf3}
.soft{fill:#9ea7b3}
}
"""


TIP = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
    'markerHeight="8" orient="auto"><path class="tip" d="M0 0L10 5L0 10z"/></marker></defs>'
)


class Drawing:
    """One diagram; what is drawn later lies above."""

    def __init__(self, width: float, height: float, title: str) -> None:
        """Begin with an empty card.

        Args:
            width: of the card, in pixels, as all measures.
            height: of the card.
            title: for those who can't see it.
        """
        self._width, self._height, self._title = width, height, title
        self._parts: list[str] = []
        self.box(0.5, 0.5, width - 1, height - 1, "card", 10)

    def box(
        self, x: float, y: float, width: float, height: float, kind: str = "box", round_: float = 6
    ) -> None:
        """Draw a box with its upper left corner at `x`, `y`."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'rx="{round_:g}"/>'
        )

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """Write `words` with their baseline at `y`; `anchor` says where in them `x` is."""
        place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
        self._parts.append(f'<text class="{kind}" {place}>{escape(words)}</text>')

    def line(self, points: Sequence[Point], *, arrow: bool = False) -> None:
        """Draw a line through `points`, with a tip at its end if it is an arrow."""
        way = "L".join(f"{x:g} {y:g}" for x, y in points)
        tip = ' marker-end="url(#tip)"' if arrow else ""
        self._parts.append(f'<path class="line" d="M{way}"{tip}/>')

    def listing(
        self, x: float, y: float, width: float, title: str, rows: Sequence[tuple[str, str]]
    ) -> float:
        """Draw a titled box with a row for each name and what is said of it; give its height."""
        height = ROW * (len(rows) + 1) + 8
        self.box(x, y, width, height)
        self.box(x, y, width, ROW + 2, "head")
        self.text(x + 10, y + 17, title, "name")
        for number, (name, about) in enumerate(rows, 1):
            base = y + ROW * number + 18
            self.text(x + 10, base, name, "code")
            self.text(x + width - 10, base, about, "code soft", "end")
        return height

    def svg(self) -> str:
        """Give the diagram as the text of an SVG file."""
        size = f'width="{self._width:g}" height="{self._height:g}"'
        view = f'viewBox="0 0 {self._width:g} {self._height:g}"'
        title = escape(self._title)
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">',
                f"<title>{title}</title>",
                f"<style>{STYLE}</style>",
                TIP,
                *self._parts,
                "</svg>\n",
            )
        )


def row_middle(top: float, number: int) -> float:
    """Give the height at which row `number` (from 0) of a listing at `top` has its middle."""
    return top + ROW * (number + 1) + 14
