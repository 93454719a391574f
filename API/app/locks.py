"""Somebody else's locks in PostgreSQL: how they are told from an outage, and whose they are."""

from contextlib import suppress

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from createDB.engine import said_by

LOCKED = "55P03"
"""The code of a lock that was not to be had in time."""


def is_locked(error: Exception) -> bool:
    """Tell whether somebody else's lock was the matter, as PostgreSQL says it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) == LOCKED


def locker(engine: Engine) -> str | None:
    """Say who has locked a table of PostgreSQL so that nobody can write to it, if anybody has.

    Raises:
        DBAPIError: the database is away.
    """
    from API.app.ingest.postgresql.holding import lockers

    with engine.begin() as connection:
        others = lockers(connection)
    return f"somebody else has locked {others[0]}" if others else None


def reason_of(error: Exception, engine: Engine | None = None) -> str:
    """Say what is the matter with the database; of a lock, who has it, as far as that is known.

    Args:
        error: what the driver or SQLAlchemy raised.
        engine: to ask PostgreSQL with; None where there is no time to ask.
    """
    if not is_locked(error):
        return said_by(error)
    if engine:
        with suppress(DBAPIError):
            return locker(engine) or UNKNOWN
    return UNKNOWN


UNKNOWN = "somebody else holds a lock on what is needed"
"""Whose a row's lock was cannot be told when it has been waited for in vain."""
