"""Has a workbook made by a process of its own.

It takes a minute of processor time for a million rows, and pandas: both stay out of the process
that serves requests (docs/adr/0019-workbooks-are-made-by-a-process-of-their-own.md).
"""

from collections.abc import Mapping
from typing import IO

import msgspec
from sqlalchemy.engine import URL

from API.app.exports.aside import make_aside

PROGRAM = "API.app.exports.sheets"


class Order(msgspec.Struct):
    """What the workbook is to hold."""

    database: str
    resource: str
    arguments: dict[str, str]


def make_workbook(database: URL, resource: str, arguments: Mapping[str, str]) -> IO[bytes]:
    """Give a workbook as a file without a name, ready to be read.

    Raises:
        ProblemError: 503 while another file is being made.
        MakingFailedError: it could not be made.
    """
    order = Order(database.render_as_string(hide_password=False), resource, dict(arguments))
    instead = "another workbook or report is being made; CSV of a list is always to be had"
    return make_aside(PROGRAM, order, instead)
