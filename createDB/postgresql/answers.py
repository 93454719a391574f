"""Connections that wait for an answer only so long.

A server that is frozen says nothing, and neither does what lies between and takes what it cannot
pass on. TCP finds nothing wrong with either: whoever asks would wait for as long as that lasts.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready

Outcome = TypeVar("Outcome")

LOOK_S = 0.1
"""How often it is looked at whether an answer is late, in seconds."""


class LateError(psycopg.OperationalError):
    """An answer did not come in time."""


class Connection(psycopg.Connection[Any]):
    """One that ends when an answer is late; what was asked for may come about all the same."""

    answer_s: float | None = None
    """How long an answer may take, in seconds; None: as long as it takes."""

    def wait(self, gen: PQGen[Outcome], *given: Any, **more: Any) -> Outcome:
        """Have the driver do what takes an answer of the server.

        Raises:
            LateError: it did not come in time; the connection is closed.
        """
        if self.answer_s is None:
            return super().wait(gen, *given, **more)
        try:
            return super().wait(_in_time(gen, self.answer_s), LOOK_S)
        except LateError:
            self.pgconn.finish()
            raise


def connect(answer_s: float | None, *places: Any, **given: Any) -> Connection:
    """Make a connection, whose answers may take so many seconds; the rest is `psycopg.connect`'s.

    Raises:
        psycopg.Error: it cannot be had.
    """
    connection = Connection.connect(*places, **given)
    connection.answer_s = answer_s
    return connection


def _in_time(gen: PQGen[Outcome], seconds: float) -> PQGen[Outcome]:
    until = time.monotonic() + seconds
    ready: Any = None
    while True:
        try:
            waits_for = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        ready = yield waits_for
        if ready == Ready.NONE and time.monotonic() > until:
            raise LateError(f"no answer within {seconds:g} s")
