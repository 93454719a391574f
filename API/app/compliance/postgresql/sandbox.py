"""A schema with empty tables, for what is tried on PostgreSQL and not kept."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from API.app.compliance.examples import NewGuard
from API.app.compliance.postgresql.guard import PostgresGuard
from createDB.engine import open_engine
from createDB.tables import create_tables
from createDB.views import Layout

FILLED = ("usuarios_activos", "procesos", "servers", "reportes", "periodos", "presencias",
          "momentos", "hechos", "arranques", "agentes")  # fmt: skip
"""Tables that reports fill, those that others point at last."""


class OnPostgresql:
    """A database of PostgreSQL with tables that nobody else uses."""

    def __init__(self, layout: Layout, engine: Engine, guard: PostgresGuard) -> None:
        """Take over a database whose tables are empty."""
        self.layout = layout
        self._engine, self._guard = engine, guard

    def __str__(self) -> str:
        return f"{self.layout} de PostgreSQL"

    @contextmanager
    def empty(self) -> Iterator[tuple[Engine, NewGuard]]:
        """Give the tables, and empty them."""
        yield self._engine, lambda: self._guard
        with self._engine.begin() as connection:
            for table in FILLED[0 if self.layout is Layout.COMPLETO else 2 :]:
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of our own


@contextmanager
def own_schema(url: URL, layout: Layout) -> Iterator[OnPostgresql]:
    """Make a schema beside those that there are, and drop it at the end."""
    name = f"prueba_{uuid.uuid4().hex}"
    outside, engine, reader = (open_engine(url, read_only=read) for read in (False, False, True))

    def look_there(connection: Any, _record: Any) -> None:
        connection.execute(f"SET search_path = {name}")
        connection.commit()

    with outside.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    try:
        for each in (engine, reader):
            event.listen(each, "connect", look_there)
        with engine.begin() as connection:
            create_tables(connection, layout)
        with closing(PostgresGuard(reader)) as guard:
            yield OnPostgresql(layout, engine, guard)
    finally:
        engine.dispose()
        with outside.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
        outside.dispose()
