"""Looks for what people are to be told, gathers it and delivers it; see `process`."""

import os
import threading
import time

import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from API.app.alerts import incidents, outbox
from API.app.alerts.channels import Channel, DeliveryError
from API.app.alerts.contents import contents_of
from API.app.alerts.file import Watched
from API.app.alerts.outbox import Due
from API.app.jobs import TakenError, Turn
from API.app.logs import Trouble
from API.app.queries.times import now_ms
from createDB.engine import LONG_ANSWER_S, open_engine, said_by
from createDB.postgresql.locks import Lock

log = structlog.get_logger()

WAIT_MS = 10_000
"""How long it waits for its turn to write, in milliseconds."""

LONGEST_S = 300.0
"""After how long an attempt that does not end is given up, in seconds."""


class Trying(threading.Thread):
    """One attempt to deliver a message; a thread that keeps no process from ending."""

    def __init__(self, attempt: Due, channel: Channel) -> None:
        super().__init__(name=f"channel {attempt.canal}", daemon=True)
        self.attempt = attempt
        self._began = time.monotonic()
        self.error: DeliveryError | None = None
        self._channel = channel
        self.start()

    def is_over(self) -> bool:
        """Tell whether it has ended; one that does not end is given up."""
        if self.is_alive() and time.monotonic() - self._began > LONGEST_S:
            self.error = DeliveryError(f"no terminó en {LONGEST_S:.0f} segundos")
        return self.error is not None or not self.is_alive()

    def run(self) -> None:
        """Deliver it."""
        try:
            self._channel.send(self.attempt.message)
        except DeliveryError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - of some 190 services of apprise
            self.error = DeliveryError(f"error del programa: {type(error).__name__}")


class Sender:
    """Looks for what is new, and delivers what waits."""

    def __init__(self, url: URL, watched: Watched) -> None:
        self.watched = watched
        self._engine = open_engine(url, wait_ms=WAIT_MS, checkpoints=False, answer_s=LONG_ANSWER_S)
        self._reader = open_engine(url, read_only=True, answer_s=LONG_ANSWER_S)
        self._trying: dict[str, Trying] = {}
        self._turn = Turn(self._engine, Lock.TELLING)
        self._trouble = Trouble("telling goes on later")
        self._term = 0
        self._is_ours()

    @property
    def busy(self) -> bool:
        """Whether something is being delivered."""
        return bool(self._trying)

    def close(self) -> None:
        """Stop; what is being tried will be tried again."""
        self._reader.dispose()
        self._engine.dispose()

    def step(self) -> None:
        """Do whatever there is to do now; wait for no channel."""
        self.watched.refresh()
        try:
            if not self._is_ours():
                return
            self._note_results()
            self._look_around()
            if self._something_to_do():
                self._gather()
            self._fix_texts()
            self._try()
        except TakenError:
            log.warning("another collector tells")
        except DBAPIError as error:
            self._trouble.met(said_by(error))
        else:
            self._trouble.over()

    def _is_ours(self) -> bool:
        """Tell whether it is ours to tell: of several collectors one does."""
        if not self._turn.is_ours():
            return False
        if self._turn.taken != self._term:
            with self._engine.begin() as connection:
                incidents.prepare(connection)
            self._term = self._turn.taken
            log.info("telling", channels=len(self.watched.channels), pid=os.getpid())
        return True

    def _look_around(self) -> None:
        with self._reader.connect() as connection:
            found = incidents.something_around(connection)
        if found:
            with self._engine.begin() as connection:
                incidents.look_around(connection)

    def _something_to_do(self) -> bool:
        channels = self.watched.channels
        with self._reader.connect() as connection:
            return outbox.something_to_do(connection, self.watched.file, channels, now_ms())

    def _gather(self) -> None:
        file, more = self.watched.file, True
        while more:
            with self._engine.begin() as connection:
                more = outbox.plan(connection, file, now_ms())
        if file:
            with self._engine.begin() as connection:
                outbox.gather(connection, file, self.watched.channels, now_ms())

    def _fix_texts(self) -> None:
        """Make the texts of new messages, before anybody is sent them and while nobody waits."""
        with self._reader.connect() as connection:
            found = outbox.without_text(connection)
            texts = [contents_of(connection, number, self.watched.link) for number in found]
        if found:
            with self._engine.begin() as connection:
                for number, text in zip(found, texts, strict=True):
                    outbox.fix_text(connection, number, text)

    def _try(self) -> None:
        """Begin to deliver what is due, one message at a time to each channel."""
        free = [name for name in self.watched.channels if name not in self._trying]
        if free:
            with self._reader.connect() as connection:
                found = outbox.due(connection, free, now_ms())
            for attempt in found:
                self._trying[attempt.canal] = Trying(attempt, self.watched.channels[attempt.canal])

    def _note_results(self) -> None:
        done = [each for each in self._trying.values() if each.is_over()]
        if done:
            with self._engine.begin() as connection:
                for each in done:
                    _note(connection, each)
            for each in done:
                del self._trying[each.attempt.canal]


def _note(connection: Connection, done: Trying) -> None:
    attempt, now = done.attempt, now_ms()
    if done.error is None:
        outbox.delivered(connection, attempt, now)
        log.info("alerts delivered", channel=attempt.canal, message=attempt.message.clave)
    else:
        outbox.failed(connection, attempt, done.error, now)
        log.warning("alerts not delivered; they wait", channel=attempt.canal,
                    attempts=attempt.intentos + 1, reason=done.error.reason)  # fmt: skip
