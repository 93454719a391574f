"""Has an audit report made by a process of its own, and is that program.

An `Order` comes on standard input, the report's file goes out.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy.engine import URL

from API.app.auditing.model import Scope
from API.app.exports.aside import make_aside, take_order

PROGRAM = "API.app.auditing.aside"


class Order(msgspec.Struct):
    """What the report is to be about."""

    database: str
    scope: Scope
    form: str
    made: int
    """When, in milliseconds since 1970."""


def make_report(database: URL, scope: Scope, form: str, made: int) -> IO[bytes]:
    """Give a report as a file without a name, ready to be read.

    Raises:
        ProblemError: 503 while another file is being made.
        MakingFailedError: it could not be made.
    """
    order = Order(database.render_as_string(hide_password=False), scope, form, made)
    return make_aside(PROGRAM, order, "another report is being made")


def main() -> None:
    """Make the report."""
    from API.app.auditing.audit import Audit
    from API.app.auditing.files import Format, write
    from API.app.auditing.stamp import Stamp
    from createDB.engine import database_url, open_engine

    order = take_order(Order)
    engine = open_engine(database_url(order.database), read_only=True, plan_each=True)
    with tempfile.TemporaryDirectory() as folder, engine.connect() as connection:
        path = Path(folder) / f"informe.{order.form}"
        with Audit(connection, order.scope) as audit:
            write(audit, Stamp.of(audit, order.made), Format(order.form), path)
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)


if __name__ == "__main__":
    main()
