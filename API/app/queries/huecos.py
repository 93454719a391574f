"""Between which reports of a server nobody saw what happened."""

from itertools import pairwise

import msgspec
from sqlalchemy import Connection

from API.app.queries.estados import ASSUMED_INTERVAL_S, SILENT_AT_LEAST_S, SILENT_INTERVALS

# From the last report before the period on. As one text: of months of reports it is 90,000 numbers.
_MOMENTS = """
    SELECT json_group_array(momento) FROM (
        SELECT momento FROM servers
        WHERE num_agente = :server AND momento < :hasta AND momento >= coalesce(
            (SELECT max(momento) FROM servers WHERE num_agente = :server AND momento <= :desde),
            :desde)
        ORDER BY momento) m
"""


def longest_silence(interval: float | None) -> int:
    """Tell from which time on two reports are too far apart (ms); `interval` is in seconds."""
    seconds = SILENT_INTERVALS * (ASSUMED_INTERVAL_S if interval is None else interval)
    return round(1_000 * max(seconds, SILENT_AT_LEAST_S))


def gaps(
    connection: Connection, num_agente: int, most: int, desde: int, hasta: int
) -> list[tuple[int, int]]:
    """Give the reports of a period that are further apart than `most`; all in milliseconds.

    Gives:
        moments of one report and of the next; for the last one, the end of the period.
    """
    values = {"server": num_agente, "desde": desde, "hasta": hasta}
    text = connection.exec_driver_sql(_MOMENTS, values).scalar_one()
    moments = [*msgspec.json.decode(text, type=list[int]), hasta]
    return [
        (last, following)
        for last, following in pairwise(moments)
        if following - last > most and following > desde
    ]
