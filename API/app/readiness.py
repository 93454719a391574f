"""Could a report that came now be stored?"""

import os

from sqlalchemy.exc import DBAPIError

from API.app.collector import Collector


def readiness(collector: Collector) -> dict[str, str | None]:
    """Try what storing a report needs: name of the check -> what is wrong, None where nothing."""
    return {
        "base_de_datos": _database(collector),
        "bitacora": _journal(collector),
        "disco": _disk(collector),
        "escritor": collector.writer.trouble(),
    }


def _database(collector: Collector) -> str | None:
    try:
        with collector.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE bitacoras SET posicion = posicion WHERE 1 = 0")
    except DBAPIError as error:
        return str(error.orig)
    return None


def _journal(collector: Collector) -> str | None:
    folder = collector.log_folder
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written"


def _disk(collector: Collector) -> str | None:
    free, least = collector.free_space(), collector.settings.min_free
    return None if free >= least else f"{free >> 20} MiB free, less than {least >> 20}"
