"""How long questions about a fleet take, and how much longer with ten times the history.

    python3 bench/queries.py [--folder FOLDER] [--servers 2000] [--days 30] [--layout compacto]

Makes a database of each history (or takes those that are in the folder already), starts a
collector for each, and asks in the ways that users have: HTTP, and SQL for the views. Questions and
databases take turns, so that whatever else the machine does disturbs all of them alike. Prints
median and 95th percentile of each question, until its answer is read.
"""

import argparse
import http.client
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.history import Size, history_database
from bench.lives import JOBS, MISUSE, TOOLS
from bench.serving import running_collector
from createDB.views import Layout

HOUR_MS = 3_600_000


class Asker:
    """Somebody who asks a collector, and its database, as a user does."""

    def __init__(
        self, port: int, access: dict[str, str], database: sqlite3.Connection, seed: int
    ) -> None:
        """Get to know the fleet.

        Args:
            port: of the collector.
            access: the header with which it lets its own machine read.
            database: its database, opened to be read.
            seed: for what is asked about; the same one asks the same.
        """
        self._http = http.client.HTTPConnection("127.0.0.1", port)
        self._access = access
        self._database = database
        self._chance = random.Random(seed)  # noqa: S311 - which server to ask about, no secret
        rows = database.execute("SELECT id_agente FROM agentes ORDER BY num_agente")
        self._agents = [id_agente for (id_agente,) in rows]
        [bounds] = database.execute(
            "SELECT (SELECT min(momento) FROM momentos), max(momento) FROM agentes"
        )
        self._first, self._now = bounds

    def state_now(self) -> None:
        """Of one server."""
        self._get(f"/agentes/{self._chance.choice(self._agents)}/estado")

    def state_then(self) -> None:
        """Of one server, at any moment of the history."""
        at = self._chance.randrange(self._first, self._now)
        self._get(f"/agentes/{self._chance.choice(self._agents)}/estado", en=_iso(at))

    def who_ran_rare(self) -> None:
        """The newest hundred times of what hardly anybody ever ran, or all there are."""
        self._who_ran(self._chance.choice(MISUSE))

    def who_ran_tool(self) -> None:
        """The newest hundred times of what people run by hand now and then."""
        self._who_ran(self._chance.choice(TOOLS))

    def who_ran_usual(self) -> None:
        """The newest hundred times of what runs everywhere, every day."""
        self._who_ran(self._chance.choice(JOBS)[0])

    def _who_ran(self, name: str) -> None:
        self._get("/cambios", campo="procesos", nombre=name)

    def who_ran_sql(self) -> None:
        """Every time of what hardly anybody ever ran, on every server."""
        self._ask(
            "SELECT hostname, username, desde, hasta FROM historial_procesos "
            "JOIN agentes USING (id_agente) WHERE name = ? ORDER BY desde",
            self._chance.choice(MISUSE),
        )

    def latest(self) -> None:
        """The latest report of every server, page after page."""
        path: str | None = "/servers?limite=1000"
        while path:
            path = self._get(path)

    def latest_sql(self) -> None:
        """The latest report of every server."""
        self._ask("SELECT s.* FROM agentes JOIN servers s USING (id_serv)")

    def changes(self) -> None:
        """A page of the changes of the last hour."""
        self._get("/cambios", desde=_iso(self._now - HOUR_MS))

    def _get(self, path: str, **parameters: str) -> str | None:
        """Read a page; give where the next one is."""
        path = f"{path}?{urlencode(parameters)}" if parameters else path
        self._http.request("GET", path, headers=self._access)
        answer = self._http.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"{path}: {answer.status} {body[:200]!r}")
        link = answer.headers["Link"]
        return link and link[1 : link.index(">")]

    def _ask(self, query: str, *parameters: str | int) -> None:
        self._database.execute(query, parameters).fetchall()


QUESTIONS: dict[str, Callable[[Asker], None]] = {
    "state of a server now": Asker.state_now,
    "state of a server at any past moment": Asker.state_then,
    "who ran a rare program, newest 100 changes": Asker.who_ran_rare,
    "who ran a tool of people, newest 100 changes": Asker.who_ran_tool,
    "who ran a usual job, newest 100 changes": Asker.who_ran_usual,
    "who ran a rare program, ever (SQL)": Asker.who_ran_sql,
    "latest report of all servers": Asker.latest,
    "latest report of all servers (SQL)": Asker.latest_sql,
    "changes of the last hour, newest 100": Asker.changes,
}


class Times(NamedTuple):
    """What the answers to one question took, in milliseconds."""

    median: float
    p95: float


def main() -> None:
    """Measure what the command line asks for, and print it."""
    options = _options()
    with ExitStack() as ends:
        folder = options.folder or Path(ends.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for layout in options.layout or Layout:
            sizes = [Size(options.servers, options.days * times, layout, options.seed)
                     for times in dict.fromkeys((1, options.times))]  # fmt: skip
            paths = [history_database(folder, size) for size in sizes]
            found = measure(paths, options.runs, options.seed)
            print(f"\n{layout}\n\n{table(sizes, found)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="of the databases; they stay there")
    parser.add_argument("--servers", type=int, default=Size().servers)
    parser.add_argument("--days", type=int, default=Size().days, help="of history")
    parser.add_argument("--times", type=int, default=10, help="as much history beside it")
    parser.add_argument("--layout", type=Layout, choices=Layout, action="append")
    parser.add_argument("--runs", type=int, default=100, help="of each question")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def measure(paths: list[Path], runs: int, seed: int) -> list[dict[str, Times]]:
    """Ask every question of every database so many times, in turns.

    The first round of all does not count: it brings what is asked for into the system's memory.
    """
    taken: list[dict[str, list[float]]] = [{name: [] for name in QUESTIONS} for _ in paths]
    with ExitStack() as ends:
        askers = [ends.enter_context(_asker(path, seed)) for path in paths]
        for _ in tqdm(range(runs + 1), desc="preguntas", disable=None):
            for name, ask in QUESTIONS.items():
                for asker, times in zip(askers, taken, strict=True):
                    began = time.perf_counter()
                    ask(asker)
                    times[name].append((time.perf_counter() - began) * 1_000)
    return [{name: _times(found[1:]) for name, found in times.items()} for times in taken]


def _times(found: list[float]) -> Times:
    return Times(statistics.median(found), statistics.quantiles(found, n=20)[-1])


@contextmanager
def _asker(path: Path, seed: int) -> Iterator[Asker]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with tempfile.TemporaryDirectory() as storage, ExitStack() as ends:
        port = ends.enter_context(running_collector(Path(storage), path))
        database = ends.enter_context(closing(sqlite3.connect(uri, uri=True)))
        header = (Path(storage) / "acceso-local").read_text(encoding="ascii").strip()
        yield Asker(port, dict([header.split(": ", 1)]), database, seed)


def table(sizes: list[Size], found: list[dict[str, Times]]) -> str:
    """Write the figures as a table of Markdown."""
    heads = [head for size in sizes for head in (f"{size.days} days", "p95")]
    lines = [f"| | {' | '.join(heads)} | ratio |", f"| --- |{' ---: |' * (len(heads) + 1)}"]
    for question in QUESTIONS:
        times = [answers[question] for answers in found]
        cells = [f"{value:.1f} ms" for pair in times for value in pair]
        ratio = f"{times[-1].median / times[0].median:.1f}"
        lines.append(f"| {question} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
