"""Runs the migrations on the connection, and in the transaction, of `createDB.build`."""

from alembic import context

from createDB.schema import metadata
from createDB.state import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
