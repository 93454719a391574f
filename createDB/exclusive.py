"""A database to oneself: what changes it as a whole must not meet a collector at work."""

from collections.abc import Iterator
from contextlib import contextmanager

from API.app.settings import Settings
from API.app.storage import lock_database, lock_storage
from createDB.build import one_builder
from createDB.engine import database_path


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep collectors and other builders away.

    Raises:
        StorageInUseError: one is at work.
    """
    path = database_path(settings.database)
    with lock_storage(settings.storage), lock_database(path), one_builder(path):
        yield
