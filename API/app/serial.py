"""What is decided by what the database says, and must not be decided twice at a time.

On SQLite a transaction that may write is alone, and sees all that those before it wrote.
On PostgreSQL they run side by side, each statement seeing what was committed by then: two could
both find that one more will do. What is rare takes turns there; what is not, locks the rows.
"""

from sqlalchemy import Connection

from createDB.engine import is_postgresql
from createDB.postgresql.locks import Lock


def serially(connection: Connection, what: Lock) -> None:
    """Wait until nobody else does this, and keep others waiting until the transaction ends.

    It comes first in its transaction: what was read before it may be old.
    """
    if is_postgresql(connection.engine.url):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(?)", (int(what),))
