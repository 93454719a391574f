"""The program that makes a workbook: an `Order` comes on standard input, the workbook goes out.

The rows are written as they are read (constant_memory), so that there may be a million of them; the
summary is counted by pandas, batch by batch.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import pandas as pd
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from API.app.controllers.asking import read_question
from API.app.exports.aside import take_order
from API.app.exports.cells import FORMULA
from API.app.exports.workbook import Order
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Column, Kind, Page, all_rows
from createDB.engine import database_url, open_engine

MAX_ROWS = 1_048_576
"""Rows of a sheet, names included (Excel's own limits)."""
MAX_TEXT = 32_767
MAX_GROUPS = 10_000
"""Groups that the summary shows, the largest first."""
CUT = " [...]"


def main() -> None:
    """Make the workbook."""
    order = take_order(Order)
    resource = RESOURCES[order.resource]
    question = read_question(resource, order.arguments, paged=False)
    engine = open_engine(database_url(order.database), read_only=True, plan_each=True)
    pages = all_rows(engine, resource, question)
    by = [column.name for column in question.columns if column.name in resource.summary]
    write_workbook(sys.stdout.buffer, resource.name, question.columns, pages, by)


def write_workbook(
    out: IO[bytes], name: str, columns: Sequence[Column], pages: Iterable[Page], by: Sequence[str]
) -> None:
    """Write a workbook: the rows, and how many there are of each kind.

    Args:
        out: where to; it must be able to seek.
        name: of the sheet with the rows; where one does not hold them, the next has a number.
        columns: of the rows.
        pages: the rows.
        by: the columns by whose values they are counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = {"constant_memory": True, "tmpdir": folder}
        with Workbook(out, options) as workbook:
            counts = Counts(columns, by)
            Rows(workbook, name, columns).write(counts.counted(pages))
            _write_summary(workbook, counts)


class Counts:
    """How many rows there are of each kind."""

    def __init__(self, columns: Sequence[Column], by: Sequence[str]) -> None:
        self.by = list(by)
        self.total = 0
        self._names = [column.name for column in columns]
        self._sizes: pd.Series[int] | None = None

    def counted(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Give the pages on, and count them."""
        for page in pages:
            self.total += len(page.rows)
            if self.by and page.rows:
                self._add(pd.DataFrame(list(page.rows), columns=self._names, dtype=object))
            yield page

    def largest(self) -> Iterator[tuple[Any, ...]]:
        """Give the kinds and their counts, the largest first."""
        if self._sizes is None:
            return
        largest = self._sizes.sort_values(ascending=False, kind="stable").head(MAX_GROUPS)
        for kind, size in largest.items():
            values = kind if isinstance(kind, tuple) else (kind,)
            yield (*(None if pd.isna(value) else value for value in values), int(size))

    def _add(self, rows: pd.DataFrame) -> None:
        found = rows.groupby(self.by, dropna=False).size()
        if self._sizes is not None:
            both = pd.concat([self._sizes, found])
            found = both.groupby(level=list(range(len(self.by))), dropna=False).sum()
        self._sizes = found


class Rows:
    """The sheets with the rows."""

    def __init__(self, workbook: Workbook, name: str, columns: Sequence[Column]) -> None:
        self._workbook = workbook
        self._name = name
        self._columns = columns
        self._cells = Cells(workbook)
        self._begun = 0
        self._begin()

    def write(self, pages: Iterable[Page]) -> None:
        """Write the rows, one after the other."""
        texts = [column.kind not in (Kind.INTEGER, Kind.NUMBER) for column in self._columns]
        booleans = [column.kind is Kind.BOOLEAN for column in self._columns]
        for page in pages:
            for row in page.rows:
                if self._row == MAX_ROWS:
                    self._begin()
                for place, value in enumerate(row):
                    if booleans[place] and value is not None:
                        self._sheet.write_boolean(self._row, place, bool(value))
                    elif texts[place]:
                        self._cells.text(self._sheet, self._row, place, value)
                    elif value is not None:
                        self._sheet.write_number(self._row, place, value)
                self._row += 1

    def _begin(self) -> None:
        self._begun += 1
        name = self._name if self._begun == 1 else f"{self._name} {self._begun}"
        self._sheet = self._workbook.add_worksheet(name)
        self._cells.names(self._sheet, [column.name for column in self._columns])
        self._row = 1


class Cells:
    """Writes text that stays text."""

    def __init__(self, workbook: Workbook) -> None:
        self._bold = workbook.add_format({"bold": True})
        # Excel's own apostrophe: who edits the cell does not make a formula of it.
        self._quoted: Format = workbook.add_format({"quote_prefix": True})

    def names(self, sheet: Worksheet, names: Sequence[str]) -> None:
        """Write the names of the columns, which stay in sight."""
        for place, name in enumerate(names):
            sheet.write_string(0, place, name, self._bold)
        sheet.freeze_panes(1, 0)

    def text(self, sheet: Worksheet, row: int, place: int, text: str | None) -> None:
        """Write text; never a formula or a link."""
        if text is None:
            return
        if len(text) > MAX_TEXT:
            text = text[: MAX_TEXT - len(CUT)] + CUT
        sheet.write_string(row, place, text, self._quoted if text[:1] in FORMULA else None)


def _write_summary(workbook: Workbook, counts: Counts) -> None:
    sheet = workbook.add_worksheet("resumen")
    cells = Cells(workbook)
    cells.names(sheet, [*counts.by, "filas"])
    rows = [*counts.largest(), (*[None] * len(counts.by), counts.total)]
    for number, (*values, size) in enumerate(rows, 1):
        for place, value in enumerate(values):
            cells.text(sheet, number, place, None if value is None else str(value))
        sheet.write_number(number, len(counts.by), size)


if __name__ == "__main__":
    main()
