"""Opens the database: what every connection to it needs, in one place."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATABASE = ROOT / "API" / "storage" / "database" / "servers.sqlite"

BUSY_TIMEOUT_MS = 2_000
"""How long a statement waits for somebody else's lock before it fails as locked."""


class DatabaseUnusableError(Exception):
    """The database cannot be used as it is; the message is one line for its operator."""


def database_url(text: str) -> URL:
    """Read `text`, a SQLAlchemy URL or the path of a SQLite file, as a URL.

    Raises:
        DatabaseUnusableError: it is neither.
    """
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().resolve()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseUnusableError(f"'{text}' is not the URL of a database") from None
    if url.get_backend_name() != "sqlite" or not url.database:
        raise DatabaseUnusableError(f"'{text}': only sqlite:///FILE is supported so far")
    return url


def open_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Make an engine whose every connection is set up for this system.

    Transactions begin where the code says `begin` (the sqlite3 module's own implicit transactions
    are off). Full sync: a commit that returned survives a power cut (https://sqlite.org/pragma.html
    #pragma_synchronous); WAL: readers never wait for the writer.

    Args:
        url: as `database_url` gives it.
        read_only: refuse every write; the file must exist.
    """
    if read_only:
        path = Path(url.database or "").absolute()
        url = url.set(database=f"{path.as_uri()}?mode=ro", query={"uri": "true"})
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
