"""What PostgreSQL needs made beside tables and views."""

from pathlib import Path

from sqlalchemy import Connection

from createDB.errors import DatabaseUnusableError
from createDB.postgresql.locks import Lock
from createDB.postgresql.partitions import make_first_partitions
from createDB.postgresql.tables import ONLY_GROWS

OLDEST = 150_000
"""The oldest version that will do, as `server_version_num` has it: 15 has unique keys of NULLs."""

FUNCTIONS = Path(__file__).with_name("functions.sql")


def become_builder(connection: Connection) -> None:
    """Wait until nobody else builds this database, and keep others waiting until the commit.

    Raises:
        DatabaseUnusableError: the server is too old, or the database could not hold any text.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(?)", (int(Lock.BUILDING),))
    version = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    if int(version) < OLDEST:
        raise DatabaseUnusableError(f"hace falta PostgreSQL {OLDEST // 10_000} o posterior")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise DatabaseUnusableError(
            f"la base de datos es de {encoding}, y ha de ser de UTF8: "
            "createdb --encoding UTF8 --template template0"
        )


def make_functions(connection: Connection) -> None:
    """Make the functions that statements and views call, or bring them up to date."""
    connection.exec_driver_sql(FUNCTIONS.read_text(encoding="utf-8"))


def finish_tables(connection: Connection) -> None:
    """Make what new tables need: functions for the views, partitions, a trail that only grows."""
    make_functions(connection)
    make_first_partitions(connection)
    connection.exec_driver_sql(ONLY_GROWS)
