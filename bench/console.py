"""How long the console's pages take while a fleet reports.

    python3 bench/console.py [--folder FOLDER] [--servers 2000] [--days 30] [--rate 100] [--runs 40]

Makes a history (`bench/history.py`) with a month of verdicts on it, or takes the one that is in the
folder already; starts a collector, has servers report at a steady rate from a process of their own,
and asks for the pages in turns, as a browser does that is logged in. Prints, of each page, median
and the 95th percentile until its last byte is there, and its bytes as they go over the wire.
"""

import argparse
import http.client
import itertools
import multiprocessing
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
from tqdm import tqdm

from API.app.accounts import accounts, sessions
from API.app.accounts.roles import Role
from API.app.audit import Actor
from API.app.auditing.model import Scope
from API.app.compliance.ledger import put_in_force
from API.app.compliance.library import SHIPPED, Library
from API.app.ingest.sql import insert_statement
from API.app.queries.times import now_ms
from bench.history import Size, history_database
from bench.lives import JOBS, MISUSE
from bench.load import Server, bodies, fleet
from bench.serving import running_collector
from bench.verdicts import DAY_MS, verdicts_of
from createDB.engine import database_url, open_engine
from createDB.schema import cumplimiento
from createDB.views import Layout

BENCH = Actor("bench", "terminal")
REPORTERS = 500
"""Servers that report meanwhile, beside those of the history."""
SENDERS = 16
"""Connections on which they do."""
CHANGES = 0.01
"""Verdicts that change, each day."""

PAGES = {
    "home": "/consola",
    "servers": "/consola/servidores",
    "servers, searched": "/consola/servidores?buscar=web+1",
    "servers, narrowed and sorted": "/consola/servidores?cumplimiento=alta&orden=-ultimo&pagina=3",
    "servers as CSV": "/consola/servidores.csv",
    "policies": "/consola/politicas",
    "a policy": "/consola/politicas/mineros",
    "a policy, those that comply": "/consola/politicas/mineros?veredicto=cumple",
    "one server": "/consola/servidores/{server}",
    "its processes, a month": "/consola/servidores/{server}?ver=procesos&tramo=mes",
    "its compliance": "/consola/servidores/{server}?ver=cumplimiento",
    "its changes": "/consola/servidores/{server}?ver=cambios",
    "changes": "/consola/cambios",
    "who runs a rare program": "/consola/quien?nombre={rare}",
    "who runs a usual one": "/consola/quien?nombre={usual}",
    "agents": "/consola/agentes",
    "one agent": "/consola/agentes/{server}",
    "alerts": "/consola/alertas",
    "audit trail": "/consola/auditoria",
    "settings": "/consola/ajustes",
    "pulse": "/consola/pulso",
    "account": "/consola/cuenta",
}


class Times(NamedTuple):
    """What a page took, in milliseconds, and its size in bytes."""

    median: float
    p95: float
    size: int


def main() -> None:
    """Measure what the command line asks for, and print it."""
    options = _options()
    with ExitStack() as ends:
        folder = options.folder or Path(ends.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        path = judged_database(folder, Size(options.servers, options.days, Layout.COMPACTO))
        copy = Path(ends.enter_context(tempfile.TemporaryDirectory(dir=folder))) / "servers.sqlite"
        shutil.copy(path, copy)
        cookie = _logged_in(copy)
        storage = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        port = ends.enter_context(running_collector(storage, copy))
        ends.enter_context(_reporting(port, options.rate))
        before = _reports(copy)
        began = time.monotonic()
        found = measure(port, cookie, _pages(copy), options.runs)
        rate = (_reports(copy) - before) / (time.monotonic() - began)
    print(f"{options.servers} servers, {options.days} days; {rate:.0f} reports a second\n")
    print(table(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="of the databases; they stay there")
    parser.add_argument("--servers", type=int, default=Size().servers)
    parser.add_argument("--days", type=int, default=Size().days, help="of history")
    parser.add_argument("--rate", type=float, default=100, help="reports a second meanwhile")
    parser.add_argument("--runs", type=int, default=40, help="of each page")
    return parser.parse_args()


def judged_database(folder: Path, size: Size) -> Path:
    """Make a history in `folder` with a month of verdicts, or give the one that is there."""
    path = folder / f"judged-{size.servers}x{size.days}.sqlite"
    if not path.exists():
        part = path.with_suffix(".part")
        history_database(folder, size).rename(part)
        _judge(part, size)
        part.rename(path)
    return path


def _judge(path: Path, size: Size) -> None:
    """Write what the policies would have said of the fleet, and that everything is judged."""
    engine = open_engine(database_url(str(path)))
    with engine.begin() as connection:
        for rule in Library([SHIPPED]).rules.values():
            put_in_force(connection, rule)
    engine.dispose()
    scope = Scope(desde=now_ms() - 30 * DAY_MS, hasta=now_ms())
    chance = random.Random(1)  # noqa: S311 - a history, no secret
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        numbers = [number for (number,) in database.execute("SELECT num_politica FROM politicas")]
        servers = tqdm(range(1, size.servers + 1), desc="veredictos", disable=None)
        pairs = itertools.product(servers, numbers)
        rows = (row for pair in pairs for row in verdicts_of(*pair, scope, CHANGES, chance))
        database.executemany(insert_statement(cumplimiento), rows)
        for number in range(1, size.servers + 1):
            labels = msgspec.json.encode({"entorno": "produccion", "grupo": f"g{number % 20}"})
            database.execute(_LABELS, (labels.decode(), number))
        for statement in _JUDGED:
            database.execute(statement)
        database.execute("COMMIT")


def _logged_in(path: Path) -> str:
    """Make an account and a session; give its cookie."""
    engine = open_engine(database_url(str(path)))
    with engine.begin() as connection:
        password = "caballo correcto grapa"  # noqa: S105 - of a database that is thrown away
        account = accounts.create(connection, BENCH, "bench", Role.ADMINISTRADOR, password)
        secret = sessions.open_session(connection, BENCH, account.id_cuenta, None)
    engine.dispose()
    return f"sesion={secret}"


@contextmanager
def _reporting(port: int, rate: float) -> Iterator[None]:
    """Have servers report at a steady rate as long as the context lasts."""
    ready, over = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(target=_report, args=(port, rate, ready, over))
    process.start()
    ready.wait()
    try:
        yield
    finally:
        over.set()
        process.join()


def _report(port: int, rate: float, ready: Event, over: Event) -> None:
    """Send reports over several connections, each at its time; late ones at once."""
    servers = fleet(REPORTERS)
    known = threading.Barrier(SENDERS + 1)
    turns = [
        threading.Thread(target=_send, args=(port, servers[n::SENDERS], rate, known, over))
        for n in range(SENDERS)
    ]
    for turn in turns:
        turn.start()
    known.wait()
    ready.set()
    for turn in turns:
        turn.join()


def _send(
    port: int, servers: list[Server], rate: float, known: threading.Barrier, over: Event
) -> None:
    """Send the reports of some servers: one of each at once, then at their share of the rate."""
    made = bodies(servers, time.time())
    client = http.client.HTTPConnection("127.0.0.1", port)
    for body in itertools.islice(made, len(servers)):
        _post(client, body)
    known.wait()
    due = time.monotonic()
    for body in made:
        if over.wait(max(0.0, due - time.monotonic())):
            return
        due += SENDERS / rate
        _post(client, body)


def _post(client: http.client.HTTPConnection, body: bytes) -> None:
    client.request("POST", "/servers", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    answer.read()
    if answer.status not in (http.client.OK, http.client.CREATED):
        raise SystemExit(f"a report was answered {answer.status}")


def _pages(database: Path) -> dict[str, str]:
    """Give the pages' addresses, with a server of this fleet, and what it runs."""
    with closing(sqlite3.connect(database)) as connection:
        [server] = connection.execute(_A_SERVER).fetchone()
    names = {"server": server, "rare": quote(MISUSE[0]), "usual": quote(JOBS[0][0])}
    return {name: path.format(**names) for name, path in PAGES.items()}


def measure(port: int, cookie: str, pages: dict[str, str], runs: int) -> dict[str, Times]:
    """Ask for every page so many times, in turns; the first round does not count."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    taken: dict[str, list[float]] = {name: [] for name in pages}
    sizes = {}
    for _ in tqdm(range(runs + 1), desc="páginas", disable=None):
        for name, path in pages.items():
            began = time.perf_counter()
            body = _get(client, path, cookie)
            taken[name].append((time.perf_counter() - began) * 1_000)
            sizes[name] = len(body)
    return {name: _times(times[1:], sizes[name]) for name, times in taken.items()}


def _get(client: http.client.HTTPConnection, path: str, cookie: str) -> bytes:
    client.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = client.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        text = zlib.decompress(body, wbits=31) if answer.headers["Content-Encoding"] else body
        raise SystemExit(f"{path}: {answer.status} {text[:300]!r}")
    return body


def _times(found: list[float], size: int) -> Times:
    return Times(statistics.median(found), statistics.quantiles(found, n=20)[-1], size)


def _reports(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        [found] = database.execute("SELECT max(id_serv) FROM servers").fetchone()
    return int(found)


def table(found: dict[str, Times]) -> str:
    """Write the figures as a table of Markdown."""
    lines = ["| page | median | p95 | over the wire |", "| --- | ---: | ---: | ---: |"]
    for name, times in found.items():
        size = f"{times.size / 1_000:.1f} KB"
        lines.append(f"| {name} | {times.median:.0f} ms | {times.p95:.0f} ms | {size} |")
    return "\n".join(lines)


_A_SERVER = "SELECT id_agente FROM agentes WHERE num_agente = 7"
_LABELS = "UPDATE agentes SET etiquetas = ? WHERE num_agente = ?"
_JUDGED = (
    "UPDATE politicas SET repaso = NULL",
    "INSERT OR REPLACE INTO avance (que, hasta) SELECT 'juzgado', max(id_serv) FROM servers",
)

if __name__ == "__main__":
    main()
