"""What is found out when Prometheus asks: of the database, and of the disk."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector as Asked
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from API.app.collector import Collector
from API.app.ingest.standing import Standing, standing_of
from API.app.queries import alertas
from API.app.queries.cumplimiento import (
    NOW,
    SEVERITIES,
    VERDICTS,
    VerdictFilters,
    lag,
    severities,
    tally,
)
from API.app.queries.estados import servers_by_state
from API.app.version import VERSION
from createDB.engine import database_file, said_by

log = structlog.get_logger()


class Found(Asked):
    """Gives all of it, each time anew."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """Ask."""
        yield InfoMetricFamily("compliance_colector", "The collector.", {"version": VERSION})
        yield from _pending(standing_of(self._collector.settings.storage))
        yield from self._disk()
        try:
            yield from list(self._in_database())
        except DBAPIError as error:
            log.warning("metrics without what the database says", reason=said_by(error))

    def _in_database(self) -> Iterator[Metric]:
        with self._collector.reader.connect() as connection:
            yield self._database(connection)
            yield _servers(connection)
            yield _verdicts(connection)
            yield from _judging(connection)
            yield from _alerts(connection)

    def _database(self, connection: Connection) -> Metric:
        size = GaugeMetricFamily(
            "compliance_base_datos_bytes", "The database, and SQLite's write-ahead log.",
            labels=("archivo",),
        )  # fmt: skip
        file = database_file(self._collector.settings.database)
        if file is None:
            size.add_metric(("base",), connection.exec_driver_sql(_DATABASE_SIZE).scalar_one())
            return size
        size.add_metric(("base",), _size(file))
        size.add_metric(("wal",), _size(file.with_name(f"{file.name}-wal")))
        return size

    def _disk(self) -> Iterator[Metric]:
        log = sum(_size(file) for file in self._collector.log_folder.glob("*"))
        yield GaugeMetricFamily("compliance_bitacora_bytes", "The JSON log.", log)
        free = self._collector.free_space()
        yield GaugeMetricFamily("compliance_disco_libre_bytes", "What is free on the disk.", free)


_DATABASE_SIZE = "SELECT pg_database_size(current_database())"


def _pending(standing: Standing | None) -> Iterator[Metric]:
    now = time.time()
    away = now - standing.desde if standing else 0.0
    oldest = now - standing.primero if standing and standing.primero else 0.0
    for name, words, value in (
        ("reportes", "Reports in the JSON log that wait for the database.",
         standing.reportes if standing else 0),
        ("bytes", "What they take of the log.", standing.bytes if standing else 0),
        ("seconds", "Age of the first of them.", oldest),
    ):  # fmt: skip
        yield GaugeMetricFamily(f"compliance_pendientes_{name}", words, value)
    yield GaugeMetricFamily(
        "compliance_base_datos_ausente_seconds",
        "Since when the database is away, or has not everything yet; 0 while it has.", away,
    )  # fmt: skip


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # a -wal that is not there, a file that was packed meanwhile


def _servers(connection: Connection) -> Metric:
    found = GaugeMetricFamily(
        "compliance_servidores", "Servers, by how they stand.", labels=("situacion",)
    )
    for state, count in servers_by_state(connection).items():
        found.add_metric((state,), count)
    return found


def _verdicts(connection: Connection) -> Metric:
    found = GaugeMetricFamily(
        "compliance_veredictos", "Verdicts in force.", labels=("severidad", "veredicto")
    )
    counts = dict.fromkeys(((s, v) for s in SEVERITIES for v in VERDICTS), 0)
    of_policy = severities(connection)
    for number, verdicts in tally(connection, NOW, "num_politica", VerdictFilters()).items():
        for verdict, count in verdicts.items():
            counts[of_policy[number], verdict] += count
    for labels, count in counts.items():
        found.add_metric(labels, count)
    return found


def _judging(connection: Connection) -> Iterator[Metric]:
    behind = lag(connection)
    since = behind["desde"]
    age = 0.0
    if since:
        age = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    yield GaugeMetricFamily(
        "compliance_atraso_reportes", "Reports that are stored and not judged.", behind["reportes"]
    )
    yield GaugeMetricFamily("compliance_atraso_seconds", "Age of the first of them.", max(age, 0))


def _alerts(connection: Connection) -> Iterator[Metric]:
    found = GaugeMetricFamily(
        "compliance_alertas_abiertas", "Alerts that are open.", labels=("severidad",)
    )
    for severity, count in alertas.open_counts(connection).items():
        found.add_metric((severity,), count)
    yield found
    waiting = GaugeMetricFamily(
        "compliance_mensajes_pendientes", "Messages that wait to be delivered.", labels=("canal",)
    )
    for channel in alertas.waiting(connection):
        waiting.add_metric((channel["canal"],), channel["mensajes"])
    yield waiting
