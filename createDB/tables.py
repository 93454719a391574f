"""Makes the tables of a new database."""

from alembic import command
from sqlalchemy import Connection

from createDB.state import alembic_config, metadata_of
from createDB.views import COMPACT, Layout, make_views


def create_tables(connection: Connection, layout: Layout) -> None:
    """Make every table and view anew and write down the revision, in the caller's transaction."""
    views = {view.name for view in COMPACT} if layout is Layout.COMPACTO else set()
    declared = metadata_of(connection.dialect.name)
    tables = [table for table in declared.sorted_tables if table.name not in views]
    declared.create_all(connection, tables=tables)
    if connection.dialect.name == "postgresql":
        from createDB.postgresql.building import finish_tables

        finish_tables(connection)
    make_views(connection, layout)
    connection.exec_driver_sql("INSERT INTO repeticiones VALUES (1)")
    config = alembic_config()
    config.attributes["connection"] = connection
    command.stamp(config, "head")
