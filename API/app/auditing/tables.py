"""The report as tables, for CSV and XLSX. A cell that a spreadsheet would run is made harmless."""

import csv
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import xlsxwriter

from API.app.auditing.audit import Audit
from API.app.auditing.model import Server, Times
from API.app.auditing.spans import Span
from API.app.auditing.stamp import FIELDS, Stamp
from API.app.exports.cells import harmless
from API.app.queries.times import from_ms

TIMES = Times.__struct_fields__
_TIMES = tuple(f"{name}_s" for name in TIMES)
_SERVER = ("id_agente", "hostname")

Cell = str | int | float | None


class Table(NamedTuple):
    """One kind of rows."""

    name: str
    title: str
    columns: tuple[str, ...]


REPORT = Table("informe", "Informe", FIELDS)
POLICIES = Table(
    "politica",
    "Políticas",
    ("politica", "titulo", "severidad", "servidores", "incumplimientos", "cumplimiento", *_TIMES),
)
WAIVERS = Table(
    "excepcion",
    "Excepciones",
    ("id_excepcion", "politica", "id_agente", "etiqueta", "desde", "hasta", "terminada", "quien",
     "motivo", "servidores"),
)  # fmt: skip
SERVICE = Table("servicio", "En servicio", (*_SERVER, "desde", "hasta"))
SILENCE = Table("silencio", "Sin reportes", (*_SERVER, "desde", "hasta"))
SHARES = Table("tiempo", "Tiempos", (*_SERVER, "politica", "cumplimiento", *_TIMES))
VIOLATIONS = Table(
    "incumplimiento",
    "Incumplimientos",
    (*_SERVER, "politica", "desde", "hasta", "evidencia", "evidencia_final", "razon",
     "excepciones"),
)  # fmt: skip
TABLES = (REPORT, POLICIES, WAIVERS, SHARES, VIOLATIONS, SERVICE, SILENCE)

MAX_CELL = 32_767
"""Characters that a cell of a spreadsheet may have (Microsoft: Excel specifications and limits)."""

MAX_ROW = 1_048_575
"""The last row of a sheet, counted from 0 (same source)."""


def rows(audit: Audit, stamp: Stamp) -> Iterator[tuple[Table, tuple[Cell, ...]]]:
    """Give every row of the report, each with its table."""
    yield REPORT, tuple(stamp.texts().values())
    for each in audit.policies:
        yield POLICIES, (each.id_politica, each.titulo, each.severidad, each.servidores,
                         each.incumplimientos, *_times(each.tiempos))  # fmt: skip
    for waiver in audit.waivers:
        yield WAIVERS, (
            waiver.id_excepcion, waiver.politica, waiver.id_agente, waiver.etiqueta,
            from_ms(waiver.desde), from_ms(waiver.hasta), _moment(waiver.terminada),
            waiver.quien, waiver.motivo, waiver.servidores,
        )  # fmt: skip
    for server in audit.records():
        yield from _server_rows(server, audit.hostnames[server.id_agente])


def _server_rows(server: Server, hostname: str | None) -> Iterator[tuple[Table, tuple[Cell, ...]]]:
    who = (server.id_agente, hostname)
    for table, spans in ((SERVICE, server.en_servicio), (SILENCE, server.sin_reportes)):
        yield from ((table, (*who, *_span(span))) for span in spans)
    for record in server.politicas:
        yield SHARES, (*who, record.politica, *_times(record.tiempos))
        for found in record.incumplimientos:
            yield VIOLATIONS, (
                *who, record.politica, from_ms(found.desde), _moment(found.hasta),
                _json(found.evidencia), _json(found.evidencia_final), found.razon,
                " ".join(map(str, found.excepciones)),
            )  # fmt: skip


def write_csv(audit: Audit, stamp: Stamp, path: Path) -> None:
    """Write all tables into one file; `registro` names the table of each row."""
    columns = list(dict.fromkeys(itertools.chain.from_iterable(t.columns for t in TABLES)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["registro", *columns])
        writer.writeheader()
        for table, cells in rows(audit, stamp):
            found = zip(table.columns, map(_harmless, cells), strict=True)
            writer.writerow({"registro": table.name, **dict(found)})


def write_xlsx(audit: Audit, stamp: Stamp, path: Path) -> None:
    """Write each table as a sheet, row by row: of the rows that are written none is kept."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False, "tmpdir": str(path.parent)}  # fmt: skip
    with xlsxwriter.Workbook(str(path), options) as workbook:
        workbook.set_properties({"created": _created(stamp)})
        for name, text in stamp.texts().items():
            workbook.set_custom_property(name, text, "text")
        sheets = {table: Sheet(workbook, table) for table in TABLES}
        for table, cells in rows(audit, stamp):
            sheets[table].write(cells)


class Sheet:
    """A table of a workbook: one sheet, or more where one is full."""

    def __init__(self, workbook: Any, table: Table) -> None:
        self._workbook, self._table = workbook, table
        self._bold = workbook.add_format({"bold": True, "bottom": 1})
        self._percent = workbook.add_format({"num_format": "0.00%"})
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        more = "" if self._number == 1 else f" {self._number}"
        self._sheet = self._workbook.add_worksheet(f"{self._table.title}{more}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._table.columns) - 1, 20)
        self._sheet.write_row(0, 0, self._table.columns, self._bold)
        self._row = 1

    def write(self, cells: tuple[Cell, ...]) -> None:
        """Add a row."""
        if self._row > MAX_ROW:
            self._begin()
        for column, cell in enumerate(map(_harmless, cells)):
            if isinstance(cell, str):
                text = cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 1]}…"
                self._sheet.write_string(self._row, column, text)
            elif cell is not None:
                share = self._table.columns[column] == "cumplimiento"
                self._sheet.write_number(self._row, column, cell, self._percent if share else None)
        self._row += 1


def _harmless(cell: Cell) -> Cell:
    return harmless(cell) if isinstance(cell, str) else cell


def _times(times: Times) -> tuple[Cell, ...]:
    share = None if times.share is None else round(times.share, 6)
    return (share, *(getattr(times, name) / 1_000 for name in TIMES))


def _created(stamp: Stamp) -> datetime:
    """Give when the file was made, for its properties: the same report is the same file."""
    return datetime.fromisoformat(from_ms(stamp.made)).replace(tzinfo=None)


def _span(span: Span) -> tuple[str, str]:
    return from_ms(span[0]), from_ms(span[1])


def _moment(moment: int | None) -> str | None:
    return None if moment is None else from_ms(moment)


def _json(evidence: Any) -> str | None:
    return None if evidence is None else msgspec.json.encode(evidence).decode()
