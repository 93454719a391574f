"""How many lines of the log one transaction brings in.

Until it ends it holds the rows of their servers, which other collectors wait for, with reports that
just came or with a log of their own. Reports that come late take many questions each, and on a slow
network every question takes its time: so it is the time that counts, not the number of lines.
"""

STEP_S = 0.75
"""How long a transaction is to take, in seconds; what waits for a lock gives up after 2."""

FEW = 2
"""Lines that it is worth a transaction for, and those of the first: it may be in vain."""


class Pace:
    """So many lines that they take about `STEP_S`, and at most twice as many as before."""

    def __init__(self, most: int) -> None:
        """Begin with few; `most` are the most."""
        self._few, self._most = min(FEW, most), most
        self.lines = self._few

    def took(self, lines: int, seconds: float) -> None:
        """Learn how long so many took."""
        fitting = int(lines * STEP_S / max(seconds, 1e-6))
        self.lines = max(self._few, min(fitting, 2 * self.lines, self._most))

    def begin_anew(self) -> None:
        """Be careful again."""
        self.lines = self._few
