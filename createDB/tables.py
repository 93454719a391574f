"""Makes the tables of a new database."""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table

from createDB.state import VERSION_TABLE, head_revision, metadata_of
from createDB.views import Layout, make_views, tables_in

version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""As Alembic makes it."""


def create_tables(connection: Connection, layout: Layout) -> None:
    """Make every table and view anew and write down the revision, in the caller's transaction."""
    declared = metadata_of(connection.dialect.name)
    declared.create_all(connection, tables=tables_in(declared, layout))
    if connection.dialect.name == "postgresql":
        from createDB.postgresql.building import finish_tables

        finish_tables(connection)
    make_views(connection, layout)
    connection.exec_driver_sql("INSERT INTO repeticiones VALUES (1)")
    version.create(connection)
    connection.execute(version.insert().values(version_num=head_revision()))
