"""Opens the database: what every connection to it needs and what can go wrong, in one place."""

import errno
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from createDB.errors import DatabaseUnusableError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATABASE = ROOT / "API" / "storage" / "database" / "servers.sqlite"

PREPARED = 256
"""Statements that a connection keeps prepared; the writer has some 130 (API/app/ingest/sql.py)."""

SECRETS = ("password", "sslpassword", "oauth_client_secret")
"""What may stand after the `?` of a URL and is not shown."""

BUSY_TIMEOUT_MS = 2_000
"""How long a statement waits for somebody else's lock before it fails as locked."""

ANSWER_S = 15.0
"""How long PostgreSQL may take for an answer that others wait for, in seconds."""

LONG_ANSWER_S = 30.0
"""The same where nobody else waits, or where much is asked."""

SOON_MS = 200
"""For how long the lock is asked for every `AGAIN_S`: none of our transactions takes longer."""

AGAIN_S = 0.0005


def database_url(text: str) -> URL:
    """Read `text`, a SQLAlchemy URL or the path of a SQLite file, as a URL.

    Raises:
        DatabaseUnusableError: it is neither.
    """
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().resolve()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUnusableError("no es la URL de una base de datos") from None
    if is_postgresql(url) and url.database:
        return _checked(url)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise DatabaseUnusableError(
            "se admite un archivo, sqlite:///ARCHIVO o postgresql://USUARIO@EQUIPO/BASE"
        )
    return url


def _checked(url: URL) -> URL:
    """Refuse what a URL of PostgreSQL would not say what somebody meant by it."""
    if "@" in f"{url.host}{url.database}":
        raise DatabaseUnusableError(
            "en un usuario o una contraseña, @ se escribe %40; y : / ? # %, %3A %2F %3F %23 %25"
        )
    if "options" in url.query:
        raise DatabaseUnusableError(
            "options es de quien se conecta; un ajuste como search_path va con "
            "ALTER ROLE USUARIO SET (docs/postgresql.md)"
        )
    return url


def is_postgresql(url: URL) -> bool:
    """Tell whether `url` names a database of PostgreSQL."""
    return url.get_backend_name() == "postgresql"


def name_of(url: URL) -> str:
    """Give what people call the database by: its file, or its URL without the password."""
    if is_postgresql(url):
        shown = url.set(drivername="postgresql").difference_update_query(SECRETS)
        return shown.render_as_string()
    return str(database_path(url))


def without_password(text: str) -> str:
    """Hide the password in what was meant to be a URL."""
    text = re.sub(r"(://[^/@]*?:).*@", r"\1***@", text)
    return re.sub(rf"\b({'|'.join(SECRETS)})=[^&]*", r"\1=***", text)


def database_file(url: URL) -> Path | None:
    """Give the file that `url` names; None where the database is not one of this machine."""
    return None if is_postgresql(url) else database_path(url)


def database_path(url: URL) -> Path:
    """Give the file that `url` names.

    Raises:
        DatabaseUnusableError: it is none of SQLite's; whatever needs a file says so here.
    """
    if is_postgresql(url):
        raise DatabaseUnusableError(f"{name_of(url)}: esto va sólo con una base SQLite")
    return Path(url.database or "").absolute()


def said_by(error: BaseException) -> str:
    """Give what the database says is the matter, in a line; PostgreSQL says more after it.

    Args:
        error: what the driver or SQLAlchemy raised.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return " ".join((primary or str(cause)).split())


def open_engine(
    url: URL,
    *,
    read_only: bool = False,
    wait_ms: int = BUSY_TIMEOUT_MS,
    checkpoints: bool = True,
    durable: bool = True,
    answer_s: float | None = None,
    plan_each: bool = False,
) -> Engine:
    """Make an engine whose every connection is set up for this system.

    Transactions begin where the code says `begin` (the sqlite3 module's own implicit transactions
    are off). Full sync: a commit that returned survives a power cut (https://sqlite.org/pragma.html
    #pragma_synchronous); WAL: readers never wait for the writer.

    Args:
        url: as `database_url` gives it.
        read_only: refuse every write; the file must exist.
        wait_ms: how long a statement waits for somebody else's lock, in milliseconds.
        checkpoints: False for whoever may write beside the collector's writer, which alone brings
            the WAL into the database. Where two connections do, SQLite before 3.51.3 can lose
            what a third commits at that moment (https://sqlite.org/wal.html#walresetbug).
        durable: False for what a power cut may take back, whole transactions of it: a commit then
            does not wait for the disk while others wait for its lock.
        answer_s: how long PostgreSQL may take for an answer, in seconds; None: as long as it takes.
            A server that is frozen never says so; what it was asked for may come about later.
        plan_each: have PostgreSQL plan each question for the values that are asked for, as one name
            is rare and another is everywhere; it takes some milliseconds.
    """
    if is_postgresql(url):
        from createDB.postgresql.engine import open_postgresql  # psycopg, which SQLite needs not

        return open_postgresql(
            url,
            read_only=read_only,
            wait_ms=wait_ms,
            durable=durable,
            answer_s=answer_s,
            plan_each=plan_each,
        )
    if read_only:
        path = database_path(url)
        url = url.set(database=f"{path.as_uri()}?mode=ro", query={"uri": "true"})
    arguments = {"check_same_thread": False, "cached_statements": PREPARED}
    engine = create_engine(url, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            # Some builds overwrite what is removed or moved, such as a period that ends. Whoever
            # can read the free pages of this file can read the others too.
            connection.execute("PRAGMA secure_delete = OFF")
        if not checkpoints:
            connection.execute("PRAGMA wal_autocheckpoint = 0")

    if read_only:
        _begin_explicitly(engine, "BEGIN")
    else:
        _begin_in_turn(engine, wait_ms)
    return engine


def open_for_building(url: URL, *, durable: bool = True) -> Engine:
    """Make an engine for whoever makes or rebuilds the tables.

    Foreign keys are not enforced and an ALTER leaves whatever else names the table alone, as
    https://sqlite.org/lang_altertable.html#otheralter asks of a rebuild. The journal mode is left
    as it is found: a rollback journal undoes half of the work after a crash, like a WAL does.

    Args:
        url: as `database_url` gives it; the file is made when it is missing.
        durable: False for a file that is thrown away unless it is finished.
    """
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        # Only a file without tables takes it: what housekeeping frees goes back to the disk.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")

    _begin_explicitly(engine, "BEGIN IMMEDIATE")
    return engine


def _begin_in_turn(engine: Engine, wait_ms: int) -> None:
    """Have transactions that write begin as soon as whoever writes now has finished.

    SQLite itself asks for its lock again at intervals that grow to 100 ms
    (https://sqlite.org/c3ref/busy_timeout.html), while our own transactions hold it for a few.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - what this engine opens
        if not _began_soon(driver, min(wait_ms, SOON_MS) / 1000, wait_ms):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _began_soon(driver: sqlite3.Connection, patience_s: float, wait_ms: int) -> bool:
    """Try to begin a transaction for a little while; False leaves waiting and errors to SQLite."""
    until = time.monotonic() + patience_s
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:
                time.sleep(AGAIN_S)
            else:
                return True
    finally:
        driver.execute(f"PRAGMA busy_timeout = {wait_ms}")
    return False


def _begin_explicitly(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(statement)


_REASONS = {
    sqlite3.SQLITE_BUSY: "está ocupada por otro programa; inténtelo cuando haya terminado",
    sqlite3.SQLITE_LOCKED: "está ocupada por otro programa; inténtelo cuando haya terminado",
    sqlite3.SQLITE_READONLY: "es de sólo lectura para este usuario (el archivo o su carpeta)",
    sqlite3.SQLITE_PERM: "no se puede abrir: faltan permisos",
    sqlite3.SQLITE_CANTOPEN: "no se puede abrir o escribir en su carpeta: revise los permisos",
    sqlite3.SQLITE_NOTADB: "no es una base de datos SQLite",
    sqlite3.SQLITE_CORRUPT: "está dañada o incompleta: recupérela de una copia o con --from-log",
    sqlite3.SQLITE_FULL: "no queda espacio en el disco",
    sqlite3.SQLITE_IOERR_SHMSIZE: "no queda espacio en el disco",  # for its -shm
}


_SYSTEM_REASONS = {
    errno.EACCES: "faltan permisos",
    errno.EPERM: "faltan permisos",
    errno.EROFS: "está en un disco de sólo lectura",
    errno.ENOSPC: "no queda espacio en el disco",
    errno.EDQUOT: "no queda espacio en la cuota de disco",
    errno.ENOENT: "no existe",
    errno.ENOTDIR: "una parte de la ruta no es una carpeta",
}


_SQLSTATES = {
    "28000": "no deja entrar a este usuario (pg_hba.conf)",
    "28P01": "la contraseña no es la de este usuario",
    "3D000": "no existe esa base de datos; créela antes (createdb)",
    "42501": "faltan permisos: el usuario ha de poder crear tablas en la base de datos",
    "53100": "no queda espacio en el disco",
    "53300": "no admite más conexiones (max_connections)",
    "55P03": "está ocupada por otro programa; inténtelo cuando haya terminado",
    "25006": "es de sólo lectura: ¿una réplica?",
    "57P01": "cortó la conexión: se detuvo, o alguien la terminó",
    "57P03": "está arrancando o parando; inténtelo más tarde",
}
"""What the codes mean that people can do something about
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


_WITHOUT_CODE = {
    "no password supplied": "pide una contraseña, y ni ~/.pgpass (o PGPASSFILE) ni PGPASSWORD "
    "la tienen para este equipo, puerto, base y usuario",
    "password authentication failed": _SQLSTATES["28P01"],
    "no pg_hba.conf entry": _SQLSTATES["28000"],
    'FATAL: database ".*" does not exist': _SQLSTATES["3D000"],
    "too many clients": _SQLSTATES["53300"],
    "too many connections": _SQLSTATES["53300"],
    "remaining connection slots": _SQLSTATES["53300"],
    "is starting up": _SQLSTATES["57P03"],
    "is shutting down": _SQLSTATES["57P03"],
    "the connection is lost|server closed the connection": "se perdió la conexión",
    "Connection refused": "nadie escucha en ese equipo y puerto",
    "failed to resolve host": "no se conoce ese equipo",
}
"""The same where no connection comes about, or one is lost: for that the library gives words and no
code. The most telling first. A server that speaks another language is quoted."""


def _reason_without_code(said: str) -> str | None:
    """Find the most telling reason: several hosts or addresses may have been tried."""
    return next((why for words, why in _WITHOUT_CODE.items() if re.search(words, said)), None)


def unusable(error: BaseException, name: Path | str) -> DatabaseUnusableError:
    """Say in one line why the system or the database refuses.

    Args:
        error: an `OSError`, or what the driver or SQLAlchemy raised.
        name: the file or folder that it is about, or the database as `name_of` gives it.

    Raises:
        KeyboardInterrupt: what failed was being ended on Ctrl-C, as a COPY whose statement the
            driver had cancelled already.
    """
    if _was_interrupted(error):
        raise KeyboardInterrupt from error
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(cause, "sqlite_errorcode", None)
    reason = None
    if code is not None:
        reason = _REASONS.get(code) or _REASONS.get(code & 0xFF)  # the low byte is the class
    if sqlstate := getattr(cause, "sqlstate", None):
        reason = _SQLSTATES.get(sqlstate)
    if isinstance(cause, OSError):
        reason = _SYSTEM_REASONS.get(cause.errno or 0, cause.strerror)
    said = " ".join(str(cause).split())
    return DatabaseUnusableError(f"{name}: {reason or _reason_without_code(said) or said}")


def _was_interrupted(error: BaseException) -> bool:
    before: BaseException | None = error
    while before and not isinstance(before, KeyboardInterrupt):
        before = before.__cause__ or before.__context__
    return before is not None
