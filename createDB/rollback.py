"""Goes back to an older version: to the copy that was made before the upgrade of the database.

Reports since then are in the JSON log: the collector brings them in when it starts.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import URL

from API.app.settings import Settings
from API.app.storage import StorageInUseError
from createDB.engine import database_path, unusable
from createDB.errors import DatabaseUnusableError
from createDB.exclusive import alone
from createDB.snapshot import BEFORE, NO_LINKS, sync
from createDB.state import State, look_at


def go_back(settings: Settings) -> list[str]:
    """Put the last copy of this version's schema in the place of a database of a newer one.

    What was the database stays beside it under another name. One that this version can use is left
    as it is. It may be killed at any moment, and done again.

    Returns:
        what to tell the operator.

    Raises:
        DatabaseUnusableError: there is no such copy, or it can't be done now.
    """
    path = database_path(settings.database)
    look = look_at(settings.database)
    if look is None:
        raise DatabaseUnusableError(f"{path}: no existe")
    state, revision = look
    if state is not State.NEWER:
        return [f"{path}: no la hizo una versión más nueva (esquema {revision}); queda como está"]
    try:
        with alone(settings):
            copy = _last_copy(settings.database)
            aside = _put_aside(path, f"de-{revision}")
            copy.replace(path)
            sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except StorageInUseError as error:
        raise DatabaseUnusableError(f"{error}; deténgalo antes") from None
    except (sqlite3.Error, OSError) as error:
        raise unusable(error, path) from error
    return [
        f"{path}: es otra vez {copy.name}; la que hizo la versión más nueva quedó en {aside}",
        "lo que se reportó desde entonces lo trae el colector de la bitácora, cuando arranque",
    ]


def _last_copy(url: URL) -> Path:
    """Find the latest copy from before an upgrade that is of the schema that this code wants."""
    path = database_path(url)
    for copy in sorted(path.parent.glob(f"{path.name}.{BEFORE}[0-9]*"), key=_moment, reverse=True):
        look = look_at(url.set(database=str(copy)))
        if look and look[0] is State.CURRENT:
            return copy
    raise DatabaseUnusableError(
        f"{path}: no hay al lado una copia de antes de actualizar ({path.name}.{BEFORE}...) con el "
        "esquema de esta versión; ponga una suya en su lugar, o hágala de nuevo con --from-log"
    )


def _moment(copy: Path) -> str:
    return copy.name.rpartition("-")[2]


def _put_aside(path: Path, suffix: str) -> Path:
    """Give the database a second name, with all that was in its -wal."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    aside = path.with_name(f"{path.name}.{suffix}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    try:
        aside.hardlink_to(path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copy2(path, aside)
    return aside
