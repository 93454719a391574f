"""How many reports a second are stored, beside other ways to store them, in one run.

`python3 bench/ingest.py` prints a table, and with `--plot FILE` draws it. What counts are the
ratios: machines differ and are shared. Each report has 200 processes of which 8 are new; each 201
is on disk in the log and in the database before it is sent.
"""

import argparse
import hashlib
import itertools
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from API.app.priority import NICE
from bench.load import Result, Server, bodies, fleet, post_all
from bench.serving import ROOT, authority_of, free_port, running_collector, serving

CLIENTS = 32


@dataclass(slots=True)
class Figure:
    """One line of the table."""

    name: str
    rate: float
    p99: float | None = None
    """Of an answer, in seconds."""
    bytes_a_report: float | None = None
    memory: int | None = None
    """The largest that the process that writes was, in KiB."""
    behind: int | None = None
    """Reports that were stored and not judged when the last answer came."""


def main() -> None:
    """Measure everything and print it."""
    options = _options()
    servers = fleet(options.servers)
    reports = list(itertools.islice(bodies(servers, time.time() - 86_400),
                                    options.servers + options.reports))  # fmt: skip
    first, rest = reports[: options.servers], reports[options.servers :]
    figures = [
        _stand_in("first", "(a) the first generation's way", rest[:12], clients=1),
        sqlite_alone(rest),
        _stand_in("http", "(c) HTTP alone, nothing stored", rest),
        collector("completo", first, rest),
        collector("completo", first, rest, judged=False),
        collector("compacto", first, rest),
        collector("compacto", first, rest, judged=False),
        collector("compacto", first, rest, servers),
        collector("compacto", first, rest, servers, tls=True),
    ]
    print(table(figures))
    if options.plot:
        plot(figures, options.plot)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=6_000, help="measured, of each kind")
    parser.add_argument("--servers", type=int, default=500, help="of the fleet that sends them")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the table as PNG or SVG")
    return parser.parse_args()


def sqlite_alone(reports: list[bytes]) -> Figure:
    """Store the same rows with `executemany`, 100 reports a transaction, full sync, no HTTP."""
    import msgspec

    from API.app.report import decode_report
    from createDB.engine import database_url, open_engine
    from createDB.tables import create_tables
    from createDB.views import Layout

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "servers.sqlite"
        engine = open_engine(database_url(str(path)))
        with engine.begin() as connection:
            create_tables(connection, Layout.COMPLETO)
        engine.dispose()
        decoded = [msgspec.to_builtins(decode_report(body)) for body in reports]
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            began = time.perf_counter()
            for start in range(0, len(decoded), 100):
                database.execute("BEGIN IMMEDIATE")
                _executemany(database, decoded[start : start + 100], start)
                database.execute("COMMIT")
            seconds = time.perf_counter() - began
    return Figure("(b) SQLite alone, executemany", len(reports) / seconds)


def _executemany(
    database: sqlite3.Connection, reports: list[dict[str, object]], start: int
) -> None:
    numbered = list(enumerate(reports, start + 1))
    database.executemany(
        "INSERT INTO servers (id_serv, ipaddress, fecha_hora, arquitectura_proc, marca_proc, "
        "nombre_so, version_so, hostname, id_agente, id_reporte) VALUES (?,?,?,?,?,?,?,?,?,?)",
        [
            (
                number, report["ipaddress"], report["fecha_hora"], report["arquitectura_proc"],
                report["marca_proc"], report["nombre_so"], report["version_so"],
                report["hostname"], report["id_agente"], report["id_reporte"],
            )
            for number, report in numbered
        ],
    )  # fmt: skip
    database.executemany(
        "INSERT INTO procesos (id_serv, ip_server, fecha_hora, pid, name, username) "
        "VALUES (?,?,?,?,?,?)",
        [
            (
                number, report["ipaddress"], report["fecha_hora"],
                process["pid"], process["name"], process["username"],
            )
            for number, report in numbered
            for process in report["procesos"]  # type: ignore[attr-defined]
        ],
    )  # fmt: skip


def collector(
    layout: str,
    first: list[bytes],
    reports: list[bytes],
    enrolled: Sequence[Server] = (),
    *,
    tls: bool = False,
    judged: bool = True,
) -> Figure:
    """Measure the collector with a database of `layout`; the first report of each server is not.

    Args:
        layout: of the database.
        first: a report of each server.
        reports: what is measured, of one server after the other.
        enrolled: the servers, where they report with tokens.
        tls: whether they do so over HTTPS, on connections that are kept.
        judged: whether the process that judges works meanwhile, or is held.
    """
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        database = storage / "database" / "servers.sqlite"
        builder = [sys.executable, str(ROOT / "createDB" / "createDB.py"), "--layout", layout]
        subprocess.run([*builder, "--database", str(database)], check=True, capture_output=True)
        _enrol(database, enrolled)
        tokens = itertools.cycle([server.ident for server in enrolled])
        authority = authority_of(storage) if tls else None
        with running_collector(storage, database, tls=tls) as port:
            checked(post_all(port, first, CLIENTS, tokens, authority))
            size = size_of(database)
            writer = int((storage / ".lock").read_text())
            with nullcontext() if judged else _held(_judge_beside(writer), database):
                result = checked(post_all(port, reports, CLIENTS, tokens, authority))
                behind = unjudged(database)
            memory = _peak_memory(writer)
            grown = size_of(database) - size
    name = f"(d) the collector, {layout}"
    if enrolled:
        name = f"(f) {layout} with tokens and TLS" if tls else f"(e) {layout} with tokens"
    if not judged:
        name = f"(g) {layout}, not judged meanwhile"
    return Figure(name, result.rate, result.percentile(0.99), grown / len(reports), memory, behind)


def _judge_beside(writer: int) -> psutil.Process:
    """Find the process that judges: of the writer's brothers, the one that gives way to others."""
    brothers = psutil.Process(psutil.Process(writer).ppid()).children()
    return next(process for process in brothers if process.nice() == NICE)


@contextmanager
def _held(process: psutil.Process, database: Path) -> Iterator[None]:
    """Hold the judge, once it has judged all: with the database's lock it would hold everybody."""
    while unjudged(database):
        time.sleep(0.1)
    time.sleep(0.5)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def unjudged(database: Path) -> int:
    """Tell how many reports are stored and not judged."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        [(stored, judged)] = connection.execute(
            "SELECT (SELECT max(id_serv) FROM servers), "
            "(SELECT hasta FROM avance WHERE que = 'juzgado')"
        )
        return int(stored - (judged or 0))


def _enrol(database: Path, servers: Sequence[Server]) -> None:
    """Let servers report with tokens; for a measurement, a server's identity will do as its own."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for number, server in enumerate(servers, 1):
            connection.execute(
                "INSERT INTO agentes (num_agente, id_agente) VALUES (?, ?)",
                (number, server.ident.decode()),
            )
            connection.execute(
                "INSERT INTO credenciales (hash, num_agente, desde) VALUES (?, ?, '2026-01-01')",
                (hashlib.sha256(server.ident).hexdigest(), number),
            )


def _stand_in(kind: str, name: str, reports: list[bytes], clients: int = CLIENTS) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        program = [sys.executable, str(ROOT / "bench" / "stand_ins.py"), kind, str(port), folder]
        with serving(program, port):
            result = checked(post_all(port, reports, clients))
    return Figure(name, result.rate, result.percentile(0.99))


def checked(result: Result) -> Result:
    """Give a result of which every report was stored; end the program where one was not."""
    if set(result.statuses) != {201}:
        raise SystemExit(f"not every report was stored: {result.statuses}")
    return result


def size_of(database: Path) -> int:
    """Tell how many bytes the database has in use, with what is still in the WAL."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        pages, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * page)


def _peak_memory(process: int) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0])


def table(figures: list[Figure]) -> str:
    """Write the figures as a table of Markdown, with the ratios that count."""
    by = {figure.name[:3]: figure.rate for figure in figures}
    lines = [
        "| | reports/s | against (a) | against (b) | p99 | bytes a report | memory | to judge |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for figure in figures:
        cells = (
            figure.name,
            f"{figure.rate:,.0f}" if figure.rate >= 100 else f"{figure.rate:.1f}",
            f"{figure.rate / by['(a)']:,.0f}",
            f"{figure.rate / by['(b)']:.2f}",
            "" if figure.p99 is None else f"{figure.p99 * 1000:.0f} ms",
            "" if figure.bytes_a_report is None else f"{figure.bytes_a_report:,.0f}",
            "" if figure.memory is None else f"{figure.memory / 1024:.0f} MiB",
            "" if figure.behind is None else f"{figure.behind:,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(figures: list[Figure], path: Path) -> None:
    """Draw the rates as bars, on a logarithmic axis."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(8, 3), layout="constrained")
    axes = drawing.subplots()
    names = [figure.name for figure in figures]
    bars = axes.barh(names, [figure.rate for figure in figures], color="#2b6cb0")
    axes.bar_label(bars, fmt="{:,.0f}", padding=4)
    axes.set_xscale("log")
    axes.set_xlabel("reports a second")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    drawing.savefig(path)


if __name__ == "__main__":
    main()
