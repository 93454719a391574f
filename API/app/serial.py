"""What is decided by what the database says, and must not be decided twice at a time.

On SQLite a transaction that may write is alone, and sees all that those before it wrote.
On PostgreSQL they run side by side, each statement seeing what was committed by then: two could
both find that one more will do. What is rare takes turns there; what is not, locks the rows.
"""

from enum import IntEnum

from sqlalchemy import Connection

from createDB.engine import is_postgresql


class Serial(IntEnum):
    """What is done one after the other; the number is its lock's (see `API.app.jobs.Job`)."""

    ENROLLING = 0x636F6D70_00000010
    """Servers become known: so many in a minute, each identity once."""
    LOGGING_IN = 0x636F6D70_00000011
    """Attempts are counted before their passwords are looked at."""
    ACCOUNTS = 0x636F6D70_00000012
    """One administrator stays; nobody has more tokens than they may."""
    INVITING = 0x636F6D70_00000013
    """The first start makes the first enrolment secret."""
    FOLLOWING = 0x636F6D70_00000014
    """Alerts follow verdicts, exceptions and states of servers, which change in transactions of
    their own: two would not see each other's change. They read after this alone."""


def serially(connection: Connection, what: Serial) -> None:
    """Wait until nobody else does this, and keep others waiting until the transaction ends.

    It comes first in its transaction: what was read before it may be old.
    """
    if is_postgresql(connection.engine.url):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(?)", (int(what),))
