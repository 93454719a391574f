"""How many reports a second go into PostgreSQL, beside COPY alone of the same rows, in one run.

`python3 bench/postgresql.py postgresql://USER@HOST/postgres` makes databases on that server, which
it drops at the end, and prints a table. What counts are the ratios. The load is that of
`bench/ingest.py`; COPY gets its rows as text that was written before the clock ran.
"""

import argparse
import itertools
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from sqlalchemy.engine import URL

from API.app.ingest.entry import Entry, Stored, entry_from_body
from API.app.ingest.journal import Journal
from API.app.ingest.store import Store
from API.app.ingest.writer import Waiting, Writer
from bench.ingest import CLIENTS, Figure, checked
from bench.load import bodies, fleet, post_all
from bench.serving import running_collector
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.views import Layout

BATCH = 100
"""Reports in a transaction, where it is not the collector that says."""


def main() -> None:
    """Measure everything and print it."""
    options = _options()
    server = database_url(options.server)
    load = bodies(fleet(options.servers), time.time() - 86_400)
    reports = list(itertools.islice(load, options.servers + options.reports))
    first, rest = reports[: options.servers], reports[options.servers :]
    figures = []
    for _ in range(options.rounds):
        figures += [
            copy_alone(server, rest),
            writer(server, "completo", first, rest),
            writer(server, "compacto", first, rest),
            collector(server, "completo", first, rest),
            collector(server, "compacto", first, rest),
        ]
    print(table(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", metavar="URL", help="of a server, as one who may make databases")
    parser.add_argument("--reports", type=int, default=6_000, help="measured, of each kind")
    parser.add_argument("--servers", type=int, default=500, help="of the fleet that sends them")
    parser.add_argument("--rounds", type=int, default=1, help="how often all is measured")
    return parser.parse_args()


@contextmanager
def new_database(server: URL, layout: str) -> Iterator[URL]:
    """Make a database with the tables of `layout`, and drop it at the end."""
    made = server.set(database=f"bench_{uuid.uuid4().hex}")
    with _connected(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {made.database}")
    try:
        build(made, Layout(layout))
        yield made
    finally:
        with _connected(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {made.database} WITH (FORCE)")


def copy_alone(server: URL, reports: Sequence[bytes]) -> Figure:
    """Copy the rows that `completo` has of the reports, `BATCH` reports a transaction."""
    entries = [entry_from_body(body) for body in reports]
    numbered = list(enumerate(entries, 1))
    batches = [
        {table: "".join(write(number, entry) for number, entry in numbered[start : start + BATCH])
         for table, write in _ROWS.items()}
        for start in range(0, len(numbered), BATCH)
    ]  # fmt: skip
    with new_database(server, "completo") as database, _connected(database) as connection:
        began = time.perf_counter()
        for batch in batches:
            with connection.cursor() as cursor:
                for table, text in batch.items():
                    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                        copy.write(text)
            connection.commit()
        seconds = time.perf_counter() - began
    return Figure("(a) COPY alone", len(reports) / seconds)


def writer(server: URL, layout: str, first: Sequence[bytes], reports: Sequence[bytes]) -> Figure:
    """Store what was received already, `BATCH` reports a transaction: log, history and rows."""
    entries = [entry_from_body(body) for body in [*first, *reports]]
    told: list[Any] = []
    with new_database(server, layout) as database, tempfile.TemporaryDirectory() as folder:
        engine = open_engine(database)
        ours = Writer(engine, Journal(Path(folder)), Store(rows=layout == "completo"))
        _write(ours, entries[: len(first)], told)
        began = time.perf_counter()
        _write(ours, entries[len(first) :], told)
        seconds = time.perf_counter() - began
        engine.dispose()
    if not all(isinstance(answer, Stored) and answer.created for answer in told):
        raise SystemExit("not every report was stored")
    return Figure(f"(b) the writer, {layout}", len(reports) / seconds)


def _write(ours: Writer, entries: Sequence[Entry], told: list[Any]) -> None:
    for start in range(0, len(entries), BATCH):
        ours.write([Waiting(entry, told.append) for entry in entries[start : start + BATCH]])


def collector(server: URL, layout: str, first: list[bytes], reports: list[bytes]) -> Figure:
    """Measure the collector, by HTTP; the first report of each server is not."""
    with (
        new_database(server, layout) as database,
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder), _text(database)) as port,
    ):
        checked(post_all(port, first, CLIENTS))
        result = checked(post_all(port, reports, CLIENTS))
    return Figure(f"(c) the collector, {layout}", result.rate, result.percentile(0.99))


def table(figures: Sequence[Figure]) -> str:
    """Write the figures as a table of Markdown, each beside COPY in the same round."""
    lines = ["| | reports/s | against (a) | p99 |", "| --- | ---: | ---: | ---: |"]
    alone = figures[0].rate
    for figure in figures:
        alone = figure.rate if figure.name.startswith("(a)") else alone
        p99 = "" if figure.p99 is None else f"{figure.p99 * 1000:.0f} ms"
        cells = (figure.name, f"{figure.rate:,.0f}", f"{figure.rate / alone:.2f}", p99)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _connected(url: URL, *, autocommit: bool = False) -> psycopg.Connection[Any]:
    return psycopg.connect(_text(url), autocommit=autocommit)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _line(*values: object) -> str:
    return "\t".join(r"\N" if value is None else str(value) for value in values) + "\n"


def _server(number: int, entry: Entry) -> str:
    report = entry.report
    return _line(
        number, report.ipaddress, report.fecha_hora, report.arquitectura_proc, report.marca_proc,
        report.nombre_so, report.version_so, report.hostname, entry.id_agente, entry.id_reporte,
        report.fecha_hora, report.distribucion, report.version_distribucion, report.nucleo,
        report.id_arranque, report.pid_agente, None, number, number,
    )  # fmt: skip


def _processes(number: int, entry: Entry) -> str:
    report, found = entry.report, entry.lists["procesos"]
    return "".join(
        _line(number, report.ipaddress, report.fecha_hora, pid, *label, number, report.fecha_hora)
        for pid, label in zip(found.pids, found.labels, strict=True)
    )  # fmt: skip


def _sessions(number: int, entry: Entry) -> str:
    report, found = entry.report, entry.lists["usuarios_activos"]
    return "".join(
        _line(number, report.ipaddress, report.fecha_hora, name, pid, number, report.fecha_hora)
        for pid, (name, _) in zip(found.pids, found.labels, strict=True)
    )


_ROWS = {
    "servers": _server,
    "procesos (id_serv, ip_server, fecha_hora, pid, name, username, num_agente, recibido)":
        _processes,
    "usuarios_activos (id_serv, ip_server, fecha_hora, username, pid, num_agente, recibido)":
        _sessions,
}  # fmt: skip

if __name__ == "__main__":
    main()
