"""The process that judges: it reads what was stored, and writes what the policies say of it.

It is a process of its own, so that it takes no time of the interpreter that stores reports; should
it die, it goes on where it was (docs/adr/0014-a-process-judges.md). Of several collectors with one
database one judges at a time (docs/adr/0028-judging-and-telling-on-postgresql.md).
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection

import structlog
from sqlalchemy.exc import DBAPIError

from API.app.compliance.again import judge_again
from API.app.compliance.clock import Clock
from API.app.compliance.court import Court
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.present import judge_new
from API.app.compliance.review import review
from API.app.heartbeat import Heartbeat
from API.app.jobs import AGAIN_S, HUNG_S, TakenError
from API.app.logs import Trouble, configure_logs
from API.app.priority import give_way
from API.app.settings import Settings
from createDB.engine import said_by

log = structlog.get_logger()

PAUSE_S = 0.2
"""Between two looks for new reports, in seconds: what comes meanwhile is written at once."""

LOOK_AT_FILES_S = 2.0


def judge_reports(settings: Settings, heart: Heartbeat, parent: Connection) -> None:
    """Judge what comes in until `parent` is closed from the other end; `heart` beats meanwhile."""
    configure_logs()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    own = [settings.policies] if settings.policies else []
    library = Library([SHIPPED, *own])
    trouble = Trouble("judging begins later")
    court = _court(settings, library, heart, trouble)
    give_way()  # of this thread alone: not of the one that holds the database's lock
    parent.send("ready")
    while not _judged(court, heart, parent):
        court = _court(settings, library, heart, trouble)


def _court(
    settings: Settings, library: Library, heart: Heartbeat, trouble: Trouble
) -> Court | None:
    """Begin to judge, unless another collector does."""
    try:
        court = Court(settings.database, library, heart.beat)
    except TakenError:
        return None
    except DBAPIError as error:
        trouble.met(said_by(error))
        return None
    log.info("judging", policies=len(library.rules), pid=os.getpid())
    return court


def _judged(court: Court | None, heart: Heartbeat, parent: Connection) -> bool:
    """Judge as long as it is ours to do; tell whether that is all there is to do."""
    if court is None:
        heart.beat()
        return parent.poll(AGAIN_S)  # nothing is ever sent: it was closed
    with closing(court), _keeping_job(court):
        try:
            _judge(court, heart, parent)
        except TakenError:
            log.warning("another collector judges, or may have done so")
            return False
    return True


@contextmanager
def _keeping_job(court: Court) -> Iterator[None]:
    """Have the job stay with this process while that lives, however long it judges at a time.

    On SQLite nobody else could take it. Where judging hangs, this process is ended, and the job
    another's.
    """
    if not court.shares_job:
        yield
        return
    over = threading.Event()

    def keep() -> None:
        while not over.wait(HUNG_S / 3):
            with suppress(DBAPIError):  # whoever judges meets it too
                court.keep_job()

    keeping = threading.Thread(target=keep, name="job", daemon=True)
    keeping.start()
    try:
        yield
    finally:
        over.set()
        keeping.join()


def _judge(court: Court, heart: Heartbeat, parent: Connection) -> None:
    clock = Clock(court)
    trouble = Trouble("judging goes on later")
    files_due = 0.0
    while True:
        heart.beat()
        try:
            if time.monotonic() >= files_due:
                files_due = time.monotonic() + LOOK_AT_FILES_S
                if court.library.refresh():
                    court.synchronize()
            more = judge_new(court).more
            busy = review(court) or clock.tick() or more or judge_again(court)
        except DBAPIError as error:
            trouble.met(said_by(error))
            court.forget()
            busy = False
        else:
            trouble.over()
        if parent.poll(0 if busy else PAUSE_S):
            return
