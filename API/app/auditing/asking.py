"""Reads what an audit report is asked to be about."""

from datetime import datetime

from sqlalchemy import Connection

from API.app.agents import find
from API.app.auditing.model import Scope
from API.app.queries.informe import policies
from API.app.queries.times import as_ms, from_ms
from API.app.words import SpokenError

MAX_LABEL = 200
"""Characters of a label that a report is asked for: it stands in the file's properties."""


def read_scope(
    connection: Connection, since: datetime, until: datetime, now: int, *,
    server: str | None, label: str | None, policy: str | None,
) -> Scope:  # fmt: skip
    """Give what is asked for; a period that is not over ends now.

    Raises:
        SpokenError: there is no such thing.
    """
    begin, end = as_ms(since), min(as_ms(until), now)
    if begin >= end:
        raise SpokenError("report_period", since=from_ms(begin), until=from_ms(end))
    if label and len(label) > MAX_LABEL:
        raise SpokenError("report_label", most=MAX_LABEL)
    if policy and not policies(connection, policy):
        raise SpokenError("report_policy", name=policy)
    identity = find(connection, server).id_agente if server else None
    return Scope(
        desde=begin, hasta=end, servidor=identity, etiqueta=label or None, politica=policy or None
    )
