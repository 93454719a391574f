"""How commands change the database while a collector may be writing reports into it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from API.app.settings import Settings
from createDB.engine import name_of, open_engine, unusable
from createDB.state import ready

WAIT_MS = 30_000
"""How long a command waits for its turn to write."""


@contextmanager
def writing(settings: Settings) -> Iterator[Connection]:
    """Give a connection in a transaction, which ends with the context: committed, unless it raises.

    Raises:
        DatabaseUnusableError: the database is not as it should be, or somebody holds it for long.
    """
    engine = open_engine(settings.database, wait_ms=WAIT_MS, checkpoints=False)
    try:
        ready(engine)
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise unusable(error, name_of(settings.database)) from error
    finally:
        engine.dispose()
