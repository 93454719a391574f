"""Connections to PostgreSQL."""

import math
from functools import partial
from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.types.numeric import FloatLoader, IntLoader
from psycopg.types.string import TextLoader
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from createDB.postgresql.answers import connect
from createDB.postgresql.statements import translated

CONNECT_S = 5
"""How long a connection may take to come about."""

KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2,
              "tcp_user_timeout": 15_000}  # fmt: skip
"""A connection whose other end is gone without a word ends after a quarter of a minute."""

SERVER_SIDE = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 2}
"""The same of the server, which lets go of what a collector that is gone had locked."""

HUNG = {"idle_in_transaction_session_timeout": 10_000, "tcp_user_timeout": 15_000}
"""The server ends a transaction, and its connection, when nothing has been asked in it for so long:
others wait for what it has locked, and whoever began it hangs."""

AS_IT_IS = "as_it_is"
"""The execution option of a statement that is in PostgreSQL's words already."""

WITHOUT_FRACTION = 19
"""Characters of a moment that PostgreSQL writes without a fraction of a second."""


def open_postgresql(
    url: URL,
    *,
    read_only: bool,
    wait_ms: int,
    durable: bool,
    answer_s: float | None = None,
    plan_each: bool = False,
) -> Engine:
    """Make an engine for PostgreSQL.

    Who reads sees one state of the database as long as a transaction lasts, as in SQLite.

    Args:
        url: as `createDB.engine.database_url` gives it.
        read_only: refuse every write.
        wait_ms: how long a statement waits for somebody else's lock, in milliseconds; 0: as long as
            it takes. Whoever does not wait for ever does not keep others waiting for ever either.
        durable: False for what a power cut may take back.
        answer_s: how long an answer may take, in seconds; None: as long as it takes.
        plan_each: plan each statement for the values that it is given.
    """
    given = connect_arguments(
        read_only=read_only, wait_ms=wait_ms, durable=durable, answer_s=answer_s
    )
    if plan_each:  # never prepared, it is planned anew each time
        given["prepare_threshold"] = None
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=given,
        pool_pre_ping=True,
        pool_use_lifo=True,  # one has its statements prepared, and its rows at hand
    )
    event.listen(engine, "do_connect", partial(_connect, answer_s))
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "before_cursor_execute", _translate, retval=True)
    return engine


def connect_arguments(
    *, read_only: bool, wait_ms: int, durable: bool, answer_s: float | None
) -> dict[str, Any]:
    """Give what a connection is opened with."""
    settings = {
        "timezone": "UTC",
        "datestyle": "ISO",
        "lock_timeout": wait_ms,
        "default_transaction_read_only": "on" if read_only else "off",
        "default_transaction_isolation": "repeatable\\ read" if read_only else "read\\ committed",
        "synchronous_commit": "on" if durable else "off",
        "jit": "off",  # with a day's partition each, small questions seem large, and are compiled
        **SERVER_SIDE,
        **(HUNG if wait_ms and not read_only else {}),
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        "connect_timeout": CONNECT_S if answer_s is None else min(CONNECT_S, math.ceil(answer_s)),
        "options": options,
        "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
        **KEEPALIVES,
    }


def use_written_values(connection: psycopg.Connection[Any]) -> None:
    """Have a connection give values in the form in which SQLite gives them.

    A moment is text such as `2026-11-20 10:00:00.000250`, always of that length, and a sum of whole
    numbers is one.
    """
    connection.adapters.register_loader("timestamp", _MomentLoader)
    connection.adapters.register_loader("numeric", _NumberLoader)


def use_plain_values(connection: psycopg.Connection[Any]) -> None:
    """Have a connection give nothing but numbers and text, as SQLite does."""
    adapters = connection.adapters
    for known in adapters.types:
        for oid in filter(None, (known.oid, known.array_oid)):
            adapters.register_loader(oid, TextLoader)
    for name in ("int2", "int4", "int8", "oid"):
        adapters.register_loader(name, IntLoader)
    for name in ("float4", "float8"):
        adapters.register_loader(name, FloatLoader)
    adapters.register_loader("bool", _TruthLoader)
    use_written_values(connection)


class _TruthLoader(Loader):
    def load(self, data: Any) -> int:
        return int(bytes(data) == b"t")


class _MomentLoader(Loader):
    def load(self, data: Any) -> str:
        text = bytes(data).decode("ascii")
        if len(text) == WITHOUT_FRACTION:
            return text + ".000000"
        return text.ljust(WITHOUT_FRACTION + 7, "0")


class _NumberLoader(Loader):
    def load(self, data: Any) -> int | float:
        text = bytes(data).decode("ascii")
        return int(text) if text.lstrip("-").isdecimal() else float(text)


def _connect(answer_s: float | None, _dialect: Any, _record: Any, places: Any, given: Any) -> Any:
    return connect(answer_s, *places, **given)


def _set_up(connection: psycopg.Connection[Any], _record: Any) -> None:
    use_written_values(connection)


def _translate(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """Translate a statement of ours; SQLAlchemy writes its own as PostgreSQL wants them."""
    if context is None or context.compiled is not None:
        return statement, parameters
    if context.execution_options.get(AS_IT_IS):
        return statement, parameters
    if many:
        each = [translated(statement, row) for row in parameters]
        return each[0][0], [row for _, row in each]
    return translated(statement, parameters)
