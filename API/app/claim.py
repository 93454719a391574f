"""A collector's name in a database that several share: nobody else may have it meanwhile.

A folder that is copied to another machine with its file `nombre` would have two collectors write
under one name how far their logs are in the database. So each holds a lock of PostgreSQL on its
name, on a connection that does nothing else. A collector that is killed lets go of it at once, one
whose machine is gone when PostgreSQL notices (TCP's keepalive).
"""

import sys
import time
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

from API.app.settings import Settings
from API.app.storage import NAME, StorageInUseError, own_name
from createDB.engine import ANSWER_S, BUSY_TIMEOUT_MS, name_of, unusable
from createDB.postgresql.direct import DirectConnection
from createDB.postgresql.locks import OF_NAMES

WAIT_S = 20.0
"""How long a start waits for the name: longer than PostgreSQL takes to notice who is gone."""

AGAIN_S = 0.5


class Claim:
    """The lock on a name."""

    def __init__(self, url: URL, name: str) -> None:
        """Make it; it is not held yet."""
        self._url, self._name = url, name
        self._connection: DirectConnection | None = None
        self._process = 0

    def is_held(self) -> bool:
        """Tell whether it is, so far as can be told without asking."""
        return self._connection is not None and self._connection.is_idle()

    def take(self) -> bool:
        """Take it, if it is not held; False where somebody else has it.

        Raises:
            DatabaseUnusableError: the database is away.
        """
        if self.is_held():
            return True
        self.close()
        try:
            return self._taken()
        except psycopg.Error as error:
            raise unusable(error, name_of(self._url)) from error

    def _taken(self) -> bool:
        connection = DirectConnection(
            self._url, read_only=True, wait_ms=BUSY_TIMEOUT_MS, answer_s=ANSWER_S
        )
        place = (OF_NAMES, self._name)
        if self._process:  # the database may not know yet that this one's connection has ended
            connection.execute(_END, (*place, self._process)).fetchall()
        row = connection.execute("SELECT pg_try_advisory_lock(?, hashtext(?))", place).fetchone()
        if not (row and row[0]):
            connection.close()
            return False
        self._connection, self._process = connection, connection.process
        return True

    def close(self) -> None:
        """Let go of it."""
        if self._connection:
            self._connection.close()
        self._connection = None


def claim(settings: Settings, tell: Callable[[str], object] = lambda _words: None) -> Claim:
    """Take the collector's name in its database.

    Args:
        settings: of the collector, which holds its storage folder.
        tell: is told when it has to wait.

    Raises:
        StorageInUseError: another collector has it.
        DatabaseUnusableError: the database is away.
    """
    name, until = own_name(settings.storage), time.monotonic() + WAIT_S
    taken = Claim(settings.database, name)
    if taken.take():
        return taken
    tell(f"«{name}» está en uso en la base; se espera hasta {WAIT_S:.0f} s a que quede libre")
    while time.monotonic() < until:
        time.sleep(AGAIN_S)
        if taken.take():
            return taken
    raise StorageInUseError(
        f"{settings.storage}: otro colector usa ya en esta base el nombre «{name}»; si la carpeta "
        f"es copia de la de otro, borre de ella el archivo {NAME} y arranque de nuevo"
    )


def tell_on_terminal(words: str) -> None:
    """Say something to whoever started the collector."""
    print(f"init_app.py: {words}", file=sys.stderr)


_END = """
    SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = ? AND objid::bigint = hashtext(?)::bigint & 4294967295 AND pid = ?
"""
