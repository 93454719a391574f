"""Could a report that came now be stored, or kept until the database is back?"""

import os
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from API.app.collector import Collector
from API.app.ingest.standing import Standing, standing_of
from API.app.locks import reason_of


class Readiness(NamedTuple):
    """How the collector is."""

    accepts: bool
    """Whether a report that came now would be taken."""
    checks: dict[str, str | None]
    """Name of the check -> what is wrong, None where nothing is."""


def readiness(collector: Collector) -> Readiness:
    """Try what taking a report needs."""
    standing = standing_of(collector.settings.storage)
    needed = {
        "bitacora": _journal(collector),
        "disco": _disk(collector),
        "escritor": collector.writer.trouble(),
    }
    away, pending = _away(collector, standing), _pending(standing)
    accepts = not any(needed.values())
    if away or standing:
        if standing.is_full() if standing else collector.settings.pending == 0:
            accepts, pending = False, _and(pending, "no more are kept ([limites] pendientes)")
        if not collector.lately.is_usable():
            accepts, away = False, _and(away, "who reports is known no more: reports are refused")
    return Readiness(accepts, {"base_de_datos": away, **needed, "pendientes": pending})


def _and(said: str | None, more: str) -> str:
    return f"{said}; {more}" if said else more


def _pending(standing: Standing | None) -> str | None:
    if standing is None:
        return None
    waiting = f"{standing.waiting()} in the log for the database"
    return (
        f"{waiting}, which gets them now" if standing.volviendo else f"{waiting}: {standing.motivo}"
    )


def _away(collector: Collector, standing: Standing | None) -> str | None:
    """Tell why the database takes no reports; whoever writes them knows it before we have asked."""
    if standing and not standing.volviendo:
        return standing.motivo
    try:
        with collector.probe.begin() as connection:
            connection.exec_driver_sql("UPDATE bitacoras SET posicion = posicion WHERE 1 = 0")
    except DBAPIError as error:
        return reason_of(error, collector.probe)
    return None


def _journal(collector: Collector) -> str | None:
    folder = collector.log_folder
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written"


def _disk(collector: Collector) -> str | None:
    free, least = collector.free_space(), collector.settings.min_free
    return None if free >= least else f"{free >> 20} MiB free, less than {least >> 20}"
