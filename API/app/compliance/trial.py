"""Tries a query on the fleet, for somebody who waits: within a time, and one trial at once."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import URL

from API.app.compliance.guard import QueryError
from API.app.compliance.guards import AnyGuard, open_guard
from API.app.compliance.scope import own_of
from API.app.ingest.sql import sql_time
from API.app.queries.politicas import Reported
from createDB.engine import is_postgresql

TRIAL_S = 3.0
"""How long a trial may take; what is found by then is shown."""

MOST_SERVERS = 50
"""Servers whose rows are kept; the others are counted."""

GRACE_S = 2.0
"""How much longer it may take where one of SQLite's steps does, such as instr() of long texts: the
guard looks at the clock between some thousands of them."""

_one = threading.Lock()


class BusyError(Exception):
    """Another trial is going on."""


class Finding(NamedTuple):
    """The rows that the query gives for one server."""

    server: Reported
    rows: list[dict[str, Any]]
    more: bool
    """Whether there are more rows than are kept."""


class Trial(NamedTuple):
    """What a query finds."""

    tried: int
    """Servers that it was run for."""
    servers: int
    """Servers that there are."""
    violating: int
    findings: list[Finding]
    failure: str | None
    """Why it could not be run to its end; it was run for no other server then."""


def try_query(url: URL, query: str, servers: Sequence[Reported]) -> Trial:
    """Run a policy's query for the latest report of each server.

    Args:
        url: of the database.
        query: one SELECT of the rows that violate the policy, for `:id_serv` at `:en`.
        servers: that it is run for, in this order, as many as there is time for.

    Raises:
        BusyError: somebody else tries one in this process.
    """
    if not _one.acquire(blocking=False):
        raise BusyError
    try:
        with closing(open_guard(url)) as guard, _watched(guard):
            # SQLite answers one query sooner than it copies what that looks at.
            own = own_of(query) if is_postgresql(url) else None
            return _try(guard, query, servers, own)
    finally:
        _one.release()


@contextmanager
def _watched(guard: AnyGuard) -> Iterator[None]:
    """Stop the query that still runs when the time and the grace are over."""
    timer = threading.Timer(TRIAL_S + GRACE_S, guard.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _try(
    guard: AnyGuard, query: str, servers: Sequence[Reported], own: frozenset[str] | None
) -> Trial:
    deadline = time.monotonic() + TRIAL_S
    at = sql_time(datetime.now(UTC).replace(tzinfo=None))
    findings: list[Finding] = []
    tried = violating = 0
    for server in servers:
        if time.monotonic() > deadline:
            break
        try:
            found = guard.run(query, server.id_serv, at, own)
        except QueryError as error:
            return Trial(tried, len(servers), violating, findings, str(error))
        tried += 1
        violating += bool(found.rows)
        if found.rows and len(findings) < MOST_SERVERS:
            findings.append(Finding(server, found.rows, found.more))
    return Trial(tried, len(servers), violating, findings, None)
