"""Makes the tables of a new database."""

from alembic import command
from sqlalchemy import Connection

from createDB.state import alembic_config, metadata_of
from createDB.views import Layout, make_views, tables_in


def create_tables(connection: Connection, layout: Layout) -> None:
    """Make every table and view anew and write down the revision, in the caller's transaction."""
    declared = metadata_of(connection.dialect.name)
    declared.create_all(connection, tables=tables_in(declared, layout))
    if connection.dialect.name == "postgresql":
        from createDB.postgresql.building import finish_tables

        finish_tables(connection)
    make_views(connection, layout)
    connection.exec_driver_sql("INSERT INTO repeticiones VALUES (1)")
    config = alembic_config()
    config.attributes["connection"] = connection
    command.stamp(config, "head")
