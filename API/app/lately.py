"""What was known lately of who reports: a copy of it, for while the database cannot be read.

The process that tells people what is new, which has the least to do, makes it anew once a minute: a
small file of SQLite in the storage folder. It has what admission asks of a server, in tables of the
same names, so that the same questions are asked of it. After five minutes it counts no longer: by
then an operator's word must have got through.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy.engine import URL

from API.app.errors import ProblemError
from API.app.queries.admission import servers_after, tokens_of
from API.app.queries.direct import Direct
from API.app.questions import Questions

log = structlog.get_logger()

Found = TypeVar("Found")

FILE = "conocidos.sqlite"

PERIOD_S = 60.0
"""Between two copies, in seconds."""

LASTS_S = 300.0
"""How long after it was begun a copy counts, in seconds."""

PIECE = 500
"""Servers that are copied at a time; others have their turn between."""

AGAIN_S = 1.0
"""How soon the database is asked again that could not be read, in seconds."""

MOMENT_S = 0.1
"""How long a report waits to hear whether it is back, in seconds: it answers at once, if it is."""

_READABLE = "SELECT count(*) FROM secretos"

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE hecha (reloj REAL);
    CREATE TABLE agentes (
        num_agente INTEGER PRIMARY KEY, id_agente TEXT UNIQUE, estado, rotacion, clon_visto
    );
    CREATE TABLE arranques (num_agente INTEGER PRIMARY KEY, id_arranque, desde);
    CREATE TABLE credenciales (hash TEXT PRIMARY KEY, num_agente INTEGER, hasta) WITHOUT ROWID;
    CREATE INDEX de_quien ON credenciales (num_agente);
    BEGIN;
"""


class Lately:
    """Asks the database who reports, or the copy; for one process that serves, in its loop."""

    def __init__(self, questions: Questions, storage: Path) -> None:
        self._questions, self._file = questions, storage / FILE
        self._copy: sqlite3.Connection | None = None
        self._made: tuple[int, int] | None = None
        self._away: ProblemError | None = None
        self._not_before = 0.0
        self._aside = ThreadPoolExecutor(1, "lately")
        self._look: Future[None] | None = None

    def ask(self, question: Callable[[Direct], Found]) -> tuple[Found, ProblemError | None]:
        """Ask `question` of the database, or of the copy.

        Returns:
            what was found; and where it is the copy's word, why the database was not asked: of whom
            it knows nothing, that may be new.

        Raises:
            ProblemError: 503 where neither can be asked.
        """
        if self._away and time.monotonic() >= self._not_before:
            self._look_again()
        away = self._away
        if away is None:
            try:
                with self._questions.connect() as connection:
                    return question(connection), None
            except ProblemError as error:
                log.error("asking the copy who reports", reason=error.detail)
                self._away = away = error
                self._not_before = time.monotonic() + AGAIN_S
        try:
            return question(self._opened()), away
        except (OSError, sqlite3.Error):
            raise away from None

    def _look_again(self) -> None:
        """Ask the database whether it can be read again, and wait for its word a moment only."""
        if self._look and not self._look.done():
            return
        self._look = self._aside.submit(self._ask_again)
        wait((self._look,), MOMENT_S)
        self._not_before = time.monotonic() + AGAIN_S

    def _ask_again(self) -> None:
        """Find out whether the database can be read; runs in a thread, as it may take seconds."""
        try:
            with self._questions.connect() as connection:
                connection.execute(_READABLE).fetchone()
        except ProblemError as error:
            self._away = error
        else:
            self._away = None

    def is_usable(self) -> bool:
        """Tell whether somebody can be let in at all; for any thread."""
        try:
            with self._questions.connect() as connection:
                connection.execute(_READABLE).fetchone()
        except ProblemError:
            with suppress(OSError, sqlite3.Error), closing(_open(self._file)):
                return True
            return False
        return True

    def _opened(self) -> sqlite3.Connection:
        """Give the copy that there is; an open one counts until there is another, or it is old."""
        status = self._file.stat()
        made = status.st_ino, status.st_mtime_ns
        if self._copy is None or made != self._made:
            if self._copy:
                self._copy.close()
            self._copy, self._made = _open(self._file), made
        _require_young(self._copy)
        return self._copy


def _open(file: Path) -> sqlite3.Connection:
    """Open a copy.

    Raises:
        OSError, sqlite3.Error: there is none, or it is too old.
    """
    uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    copy = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        _require_young(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _require_young(copy: sqlite3.Connection) -> None:
    row = copy.execute("SELECT reloj FROM hecha").fetchone()
    if row is None or time.monotonic() - row[0] > LASTS_S:
        raise sqlite3.OperationalError("the copy is too old")


class Copier:
    """Makes the copy as long as the context lasts, while the database can be read."""

    def __init__(self, database: URL, storage: Path) -> None:
        self._questions, self._storage = Questions(database), storage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="copier", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._questions.close()

    def _run(self) -> None:
        while True:
            try:
                copy(self._questions, self._storage, self._stop.wait)
            except ProblemError as error:
                log.warning("what is known of who reports grows old", reason=error.detail)
            except (OSError, sqlite3.Error) as error:
                log.warning("what is known of who reports grows old", reason=str(error))
            if self._stop.wait(PERIOD_S):
                return


def copy(questions: Questions, storage: Path, rest: Callable[[float], bool]) -> None:
    """Make the copy.

    Args:
        questions: to the database.
        storage: the collector's folder.
        rest: waits for so many seconds; tells whether to stop.

    Raises:
        ProblemError: the database cannot be read; the copy that there is stays.
        OSError, sqlite3.Error: the copy cannot be written.
    """
    fresh = (storage / FILE).with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    began = time.monotonic()
    with closing(sqlite3.connect(fresh, isolation_level=None, cached_statements=8)) as new:
        new.executescript(_TABLES)
        after, whole = 0, False
        while not whole:
            piece = time.monotonic()
            with questions.connect() as connection:
                servers = servers_after(connection, after, PIECE)
                first, after = after, servers[-1].num_agente if servers else after
                tokens = tokens_of(connection, first, after)
            new.executemany("INSERT INTO agentes VALUES (?,?,?,?,?)", [row[:5] for row in servers])
            boots = [(row[0], *row[5:]) for row in servers if row.arranque_desde is not None]
            new.executemany("INSERT INTO arranques VALUES (?,?,?)", boots)
            new.executemany("INSERT INTO credenciales VALUES (?,?,?)", tokens)
            whole = len(servers) < PIECE
            if not whole and rest(time.monotonic() - piece):
                return
        new.execute("INSERT INTO hecha VALUES (?)", (began,))
        new.execute("COMMIT")
    fresh.rename(storage / FILE)


def forget(storage: Path) -> None:
    """Remove a copy of another run: its clock may be that of before the machine started."""
    (storage / FILE).unlink(missing_ok=True)
