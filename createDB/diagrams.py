"""Draws the structure of the system and the model of a report."""

from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Struct

from API.app.report import Process, Report, Session
from createDB.drawing import ROW, Drawing, row_middle

TYPES = {str: "text", int: "integer", float: "number", datetime: "moment", UUID: "UUID"}


def structure() -> str:
    """Draw who sends what to whom, and where it is kept; give the SVG."""
    drawing = Drawing(980, 400, "Agents on servers, the API, the JSON log and the database")
    _draw_agents(drawing)
    api = ("checks every report,", "writes it to both,", "then answers 201")
    _station(drawing, (376, 96, 180, 118), "API", api)
    drawing.line([(556, 130), (604, 130), (604, 75), (640, 75)], arrow=True)
    drawing.line([(556, 180), (604, 180), (604, 221), (640, 221)], arrow=True)
    _draw_stores(drawing)
    _draw_readers(drawing)
    return drawing.svg()


def _draw_agents(drawing: Drawing) -> None:
    for number, server in enumerate(("server A", "server B", "server C")):
        middle = 69 + number * 86
        _station(drawing, (24, middle - 33, 176, 66), server, ("agente.py, spool on disk",))
        drawing.line([(200, middle), (236, middle), (236, 155)])
    drawing.line([(236, 155), (376, 155)], arrow=True)
    drawing.text(248, 128, "POST /servers", "code")
    drawing.text(248, 146, "JSON, gzip", "soft")
    drawing.text(248, 174, "201 {id_serv}", "code soft")


def _draw_stores(drawing: Drawing) -> None:
    log = ("every report, as received", "API/storage/text/*.jsonl")
    _station(drawing, (640, 36, 316, 78), "JSON log", log, "store")
    database = ("every report, as rows", "API/storage/database/servers.sqlite")
    _station(drawing, (640, 182, 316, 78), "SQLite database", database, "store")
    drawing.line([(720, 114), (720, 182)], arrow=True)
    drawing.text(732, 144, "createDB.py --from-log", "code")
    drawing.text(732, 162, "rebuilds; --check compares", "soft")


def _draw_readers(drawing: Drawing) -> None:
    drawing.line([(466, 214), (466, 316)], arrow=True)
    drawing.text(478, 270, "GET /servers", "code")
    _station(drawing, (376, 316, 180, 60), "HTTP clients", ("JSON answers",))
    drawing.line([(720, 260), (720, 316)], arrow=True)
    drawing.text(732, 293, "SELECT", "code")
    _station(drawing, (640, 316, 316, 60), "any SQLite client", ("sqlite3, DBeaver, pandas",))


def report_model() -> str:
    """Draw the fields of a report, from the wire model itself; give the SVG."""
    required = _fields(Report, required=True)
    optional = _fields(Report, required=False)
    height = 48 + ROW * (len(optional) + 1) + 34
    drawing = Drawing(980, height, "The fields of a report")
    drawing.listing(24, 24, 290, "report: the eight fields", required)
    names = [name for name, _ in required]
    top = 24.0
    for field, kind in (("procesos", Process), ("usuarios_activos", Session)):
        rows = [(f"{name}{mark}", about) for mark, needed in (("", True), ("?", False))
                for name, about in _fields(kind, required=needed)]  # fmt: skip
        size = drawing.listing(376, top, 250, f"{field}[ ]", rows)
        y, target = row_middle(24, names.index(field)), top + 12
        bend = 340 if field == "procesos" else 350
        drawing.line([(314, y), (bend, y), (bend, target), (376, target)], arrow=True)
        top += size + 26
    drawing.listing(688, 24, 268, "optional: our agent adds", optional)
    drawing.text(
        24, height - 16, "? may be absent or null. Unknown fields are kept in the JSON log.", "soft"
    )
    return drawing.svg()


def _station(
    drawing: Drawing,
    place: tuple[float, float, float, float],
    name: str,
    lines: tuple[str, ...],
    kind: str = "box",
) -> None:
    """Draw a box with a name and some words below it."""
    x, y, width, height = place
    drawing.box(x, y, width, height, kind)
    top = y + (height - 20 * len(lines)) / 2
    drawing.text(x + width / 2, top + 4, name, "name", "middle")
    for number, line in enumerate(lines, 1):
        style = "code soft" if "/" in line else "soft"
        drawing.text(x + width / 2, top + 4 + 20 * number, line, style, "middle")


def _fields(kind: type[Struct], *, required: bool) -> list[tuple[str, str]]:
    """Name the fields of `kind` that are, or aren't, required, each with its type in a word."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        (field.name, _word(hints[field.name]))
        for field in msgspec.structs.fields(kind)
        if field.required == required
    ]


def _word(hint: Any) -> str:
    """Say in a word what a type hint of the wire model means to whoever sends a report."""
    if get_origin(hint) is Annotated:
        return _word(get_args(hint)[0])
    if get_origin(hint) in (UnionType, Union):
        return _word(get_args(hint)[0])
    if get_origin(hint) is list:
        return "list"
    if get_origin(hint) is dict:
        return "field: reason"
    return TYPES[hint]
