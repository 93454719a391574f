"""The process that writes: it alone holds the storage folder, the JSON log and SQLite's database.

It lives as long as the process that started it, and then until those that serve requests are gone,
so that they can answer what they have accepted. It heeds no signal: a stop of the whole group
reaches it too, and would take the writer away from under them.
"""

import signal
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import structlog

from API.app.housekeeper import Housekeeper
from API.app.ingest.archive import Archiver
from API.app.ingest.backlog import Backlog
from API.app.ingest.channel import Address
from API.app.ingest.journal import Journal
from API.app.ingest.recovery import reconcile
from API.app.ingest.service import WriterService
from API.app.ingest.store import Store
from API.app.ingest.writer import Writer
from API.app.local_access import remove_local_access, write_local_access
from API.app.logs import configure_logs
from API.app.memory import settle
from API.app.settings import Settings
from API.app.storage import lock_database, lock_storage, own_name
from createDB.engine import ANSWER_S, LONG_ANSWER_S, database_file, open_engine
from createDB.views import Layout, layout_of

if TYPE_CHECKING:
    from API.app.claim import Claim

log = structlog.get_logger()

TAKEOVER_S = 40
"""How long it waits for the one before it to finish what was accepted, in seconds."""

GRACE_S = 35
"""How long it waits at its end for those that serve requests, in seconds; longer than they take."""


def keep(settings: Settings, address: Address, parent: Connection) -> None:
    """Write what comes in at `address` until `parent` is closed from the other end."""
    configure_logs()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lock = lock_storage(settings.storage, TAKEOVER_S)
    file = database_file(settings.database)
    database = lock_database(file, TAKEOVER_S) if file else None
    engine = open_engine(settings.database, answer_s=ANSWER_S)
    claimed = None if file else _claimed(settings)
    owner = "" if file else own_name(settings.storage)
    journal = Journal(settings.storage / "text", owner)
    with engine.connect() as connection:
        store = Store(rows=layout_of(connection) is Layout.COMPLETO)
    reconcile(engine, journal, store)
    writer = Writer(engine, journal, store)
    backlog = Backlog(writer, engine, journal, store, settings.pending, claimed)
    archiver = Archiver(journal, backlog.is_open)
    reader = open_engine(settings.database, read_only=True, answer_s=LONG_ANSWER_S)
    housekeeper = Housekeeper(settings, reader, writer)
    service = WriterService(backlog, address)
    write_local_access(settings.storage, address.key)
    settle()
    parent.send("ready")
    _wait_for_end(parent)
    housekeeper.close()
    service.close(GRACE_S)
    if left := backlog.reports():
        log.warning("the next start brings in what the database has not", reports=left)
    backlog.close()
    archiver.close()
    journal.close()
    remove_local_access(settings.storage)
    reader.dispose()
    engine.dispose()  # last, so that it brings the -wal in
    if claimed:
        claimed.close()
    if database:
        database.close()
    lock.close()


def _claimed(settings: Settings) -> "Claim":
    """Take the collector's name; whoever had it before in this folder may be ending."""
    from API.app.claim import claim  # psycopg, which SQLite needs not

    return claim(settings)


def _wait_for_end(parent: Connection) -> None:
    try:
        parent.recv()
    except EOFError:
        return
