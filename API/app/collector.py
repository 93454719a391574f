"""The running collector: what one process holds open, from its start to its end."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import IO, cast

from flask import current_app
from sqlalchemy import Engine

from API.app.ingest.archive import Archiver
from API.app.ingest.journal import Journal
from API.app.ingest.recovery import reconcile
from API.app.ingest.store import Store
from API.app.ingest.writer import Writer
from API.app.settings import Settings
from createDB.engine import open_engine
from createDB.views import Layout, layout_of

TAKEOVER_S = 40
"""How long a worker waits for the one before it to finish what it had accepted, in seconds."""


class StorageInUseError(Exception):
    """Another collector works on this storage folder; the message says which."""


class Collector:
    """Everything a collector needs to serve requests; made once for each process that serves."""

    def __init__(self, settings: Settings) -> None:
        """Lock the storage folder, bring log and database together, start to write.

        Raises:
            StorageInUseError: the folder is another collector's.
            OSError: the folder cannot be used.
        """
        self.settings = settings
        self.lock = lock_storage(settings.storage, TAKEOVER_S)
        self.engine: Engine = open_engine(settings.database)
        self.reader: Engine = open_engine(settings.database, read_only=True)
        self.journal = Journal(settings.storage / "text")
        with self.reader.connect() as connection:
            store = Store(rows=layout_of(connection) is Layout.COMPLETO)
        reconcile(self.engine, self.journal, store)
        self.writer = Writer(self.engine, self.journal, store, settings.queue)
        self.archiver = Archiver(self.journal)

    def close(self) -> None:
        """Store what was accepted, then let go of everything."""
        self.archiver.close()
        self.writer.close()
        self.engine.dispose()
        self.reader.dispose()
        self.lock.close()

    def free_space(self) -> int:
        """Tell how many bytes are free where the log and, most often, the database are."""
        return shutil.disk_usage(self.settings.storage).free


def lock_storage(folder: Path, wait_s: float = 0) -> IO[str]:
    """Take the storage folder for this process; closing what is returned gives it back.

    Args:
        folder: is made where it is missing.
        wait_s: how long to wait for another process to give it back, in seconds.

    Raises:
        StorageInUseError: another process has it.
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    file = (folder / ".lock").open("a+", encoding="ascii")
    if not _locked(file, time.monotonic() + wait_s):
        file.seek(0)
        owner = file.read().strip() or "?"
        file.close()
        raise StorageInUseError(f"{folder}: la usa otro colector (proceso {owner})")
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _locked(file: IO[str], deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def the_collector() -> Collector:
    """Give the collector of the request at hand."""
    return cast("Collector", current_app.extensions["collector"])
