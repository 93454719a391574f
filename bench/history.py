"""Makes a database with a long history, as if a fleet had reported to a collector all the while.

    python3 bench/history.py FOLDER [--servers 2000] [--days 30] [--layout compacto] [--seed 1]

What happened on the servers (`bench/lives.py`) is written straight into the tables: two minutes,
where a collector would store 17 million reports for hours. `tests/bench/test_history.py` holds that
the collector's own code makes the same rows of the same lives. What housekeeping would have removed
by then is not there: of reports all but the rows of the last hours, of the JSON log everything.
"""

import argparse
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from API.app.ingest.sql import insert_statement, sql_time
from bench.lives import AGENT, DAY, HOUR, INTERVAL_S, Life, Stay
from createDB.build import build
from createDB.engine import database_url
from createDB.schema import OPEN, arranques, hechos, periodos, presencias, servers
from createDB.views import COMPACT, Layout

HOURS_OF_REPORTS = {Layout.COMPLETO: 2, Layout.COMPACTO: 24}
"""How long the rows of reports are kept: `completo` has a hundred times as many."""

DAY_MS = 86_400_000
INTERVAL_MS = INTERVAL_S * 1_000
MONDAY_MS = 4 * DAY_MS
"""1970 began on a Thursday; this is its first Monday."""

TRANSIT_MS = 180
"""From a report's moment to its storage."""


class Size(NamedTuple):
    """Which history is made: the same one each time, but for when it ends."""

    servers: int = 2_000
    days: int = 30
    layout: Layout = Layout.COMPACTO
    seed: int = 1

    @property
    def reports(self) -> int:
        """How many each server has sent."""
        return self.days * DAY

    @property
    def first_kept(self) -> int:
        """The first of them that still has rows."""
        return max(0, self.reports - HOURS_OF_REPORTS[self.layout] * HOUR)


class Fleet:
    """The servers of a history, and when they reported."""

    def __init__(self, size: Size, end: float) -> None:
        """Let them report until `end` (Unix time)."""
        self.size = size
        self.end = int(end * 1_000)
        self.begin = self.end - size.reports * INTERVAL_MS

    def life(self, number: int) -> Life:
        """Give the life of one of them."""
        weekday = (self.begin - MONDAY_MS) / DAY_MS % 7
        return Life(number, self.size.reports, weekday, self.size.seed)

    def moment(self, phase: float, report: float) -> int:
        """Tell when a server sends a report, in milliseconds since 1970."""
        return self.begin + int(phase * INTERVAL_MS) + int(report * INTERVAL_MS)


class Sender(NamedTuple):
    """What is known of a server when its reports are written, all other things forgotten."""

    number: int
    id_agente: str
    phase: float
    turns: list[Stay]
    """The values of the facts of the system, and the processes of the agent."""

    def at(self, report: int) -> dict[str, Any]:
        """Give what its row of `servers` says of the server, by column."""
        now = [stay for stay in self.turns if stay.first <= report < stay.end]
        values: dict[str, Any] = {stay.field: stay.name for stay in now}
        return values | {"pid_agente": next(stay.pid for stay in now if stay.pid is not None)}


def history_database(folder: Path, size: Size, end: float | None = None) -> Path:
    """Make a database in `folder`, or give the one that was made there before.

    Args:
        folder: where it is kept.
        size: of the history.
        end: when the history ends (Unix time); now, unless it is said.
    """
    path = folder / f"{size.servers}x{size.days}-{size.layout}-{size.seed}.sqlite"
    if not path.exists():
        part = path.with_suffix(".part")
        for leftover in folder.glob(f"{part.name}*"):
            leftover.unlink()
        build(database_url(str(part)), size.layout)
        with closing(sqlite3.connect(part, isolation_level=None)) as database:
            for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -300000"):
                database.execute(f"PRAGMA {setting}")
            _fill(database, Fleet(size, time.time() if end is None else end))
            database.execute("PRAGMA journal_mode = WAL")
        part.rename(path)
    return path


def _fill(database: sqlite3.Connection, fleet: Fleet) -> None:
    database.execute("BEGIN")
    labels: dict[tuple[str, str, str | None], int] = {}
    senders = []
    for number in tqdm(range(fleet.size.servers), desc="servidores", disable=None):
        life = fleet.life(number)
        _insert_server(database, fleet, life, labels)
        turns = [*chain.from_iterable(life.facts.values()), *life.agents]
        lasting = [stay for stay in turns if stay.end > fleet.size.first_kept]
        senders.append(Sender(number, life.id_agente, life.phase, lasting))
    rows = ((number, *label) for label, number in labels.items())
    database.executemany(insert_statement(hechos), rows)
    rounds = tqdm(range(fleet.size.first_kept, fleet.size.reports), desc="reportes", disable=None)
    database.executemany(insert_statement(servers), _reports(fleet, senders, rounds))
    for statement in tqdm(list(_derived(fleet.size.layout)), desc="lo demás", disable=None):
        database.execute(statement)
    kept_from = fleet.moment(0, fleet.size.first_kept)
    limits = (("reportes", kept_from), ("bitacora", (fleet.end // DAY_MS + 1) * DAY_MS))
    database.executemany("INSERT INTO retencion (que, hasta) VALUES (?, ?)", limits)
    database.execute("COMMIT")


def _insert_server(
    database: sqlite3.Connection,
    fleet: Fleet,
    life: Life,
    labels: dict[tuple[str, str, str | None], int],
) -> None:
    """Write a server, its periods in the order of their key, and where its names are found."""
    rows = _period_rows(fleet, life, labels)
    rows.sort(key=lambda row: row[1:4])
    database.executemany(insert_statement(periodos), rows)
    database.executemany(insert_statement(presencias), {(row[2], row[0]) for row in rows})
    shown = ("hostname", "ipaddress", "version_agente")
    now = {field: life.facts[field][-1].name for field in shown}
    first, last = (fleet.moment(life.phase, report) for report in (0, fleet.size.reports - 1))
    values = now | {
        "num_agente": life.number + 1,
        "id_agente": life.id_agente,
        "momento": last,
        "primer_reporte": _text(first + TRANSIT_MS),
        "ultimo_reporte": _text(last + TRANSIT_MS),
        "intervalo": float(INTERVAL_S),
        "descartados": 0,
        "siguiente": len(rows),
    }
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    database.execute(f"INSERT INTO agentes ({names}) VALUES ({marks})", values)  # noqa: S608
    boots = ((life.number + 1, fleet.moment(life.phase, turn.first), turn.name)
             for turn in life.facts["id_arranque"])  # fmt: skip
    database.executemany(insert_statement(arranques), boots)


def _period_rows(
    fleet: Fleet, life: Life, labels: dict[tuple[str, str, str | None], int]
) -> list[tuple[Any, ...]]:
    """Give the rows of `periodos`, numbered in the order in which they began."""
    stays = sorted(chain(life.stays, *life.facts.values()), key=attrgetter("first"))
    number, reports, start = life.number + 1, fleet.size.reports, fleet.moment(life.phase, 0)
    return [
        (
            number,
            OPEN if end == reports else start + end * INTERVAL_MS,
            labels.setdefault((field, name, value), len(labels) + 1),
            -1 if pid is None else pid,
            start + first * INTERVAL_MS,
            1,
            numero,
            None if started is None else start + int(started * INTERVAL_MS),
            (name, value) == AGENT,
        )
        for numero, (field, name, value, pid, first, end, started) in enumerate(stays)
    ]


def _reports(fleet: Fleet, senders: list[Sender], rounds: "tqdm[int]") -> Iterator[tuple[Any, ...]]:
    """Give the rows of `servers` in the order in which the reports came."""
    senders = sorted(senders, key=attrgetter("phase"))
    names = [column.name for column in servers.columns]
    for report in rounds:
        for place, sender in enumerate(senders):
            at = fleet.moment(sender.phase, report)
            values = sender.at(report) | {
                "id_serv": report * len(senders) + place + 1,
                "fecha_hora": _text(at),
                "id_agente": sender.id_agente,
                "id_reporte": str(uuid.uuid5(uuid.UUID(sender.id_agente), str(report))),
                "recibido": _text(at + TRANSIT_MS),
                "momento": at,
                "num_agente": sender.number + 1,
            }
            yield tuple(map(values.get, names))


_MOMENTS = f"""
    INSERT OR IGNORE INTO momentos (momento, num_agente)
    SELECT desde, num_agente FROM periodos
    UNION ALL SELECT hasta, num_agente FROM periodos WHERE hasta < {OPEN}
    ORDER BY 1, 2
"""  # noqa: S608 - text of our own
_LATEST = """
    UPDATE agentes SET id_serv = s.id_serv FROM servers s
    WHERE s.num_agente = agentes.num_agente AND s.momento = agentes.momento
"""


def _derived(layout: Layout) -> Iterator[str]:
    """Give the statements that write what follows from the rows there are."""
    yield _MOMENTS
    yield _LATEST
    for view in COMPACT if layout is Layout.COMPLETO else ():
        every, columns = ", ".join(view.columns), ", ".join(list(view.columns)[1:])
        yield (
            f"WITH compacto ({every}) AS ({view.select}) "  # noqa: S608 - text of our own
            f"INSERT INTO {view.name} ({columns}) SELECT {columns} FROM compacto"
        )


def _text(milliseconds: int) -> str:
    return sql_time(datetime.fromtimestamp(milliseconds / 1_000, UTC).replace(tzinfo=None))


def main() -> None:
    """Make the one that the command line describes, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--servers", type=int, default=Size().servers)
    parser.add_argument("--days", type=int, default=Size().days)
    parser.add_argument("--layout", type=Layout, choices=Layout, default=Layout.COMPACTO)
    parser.add_argument("--seed", type=int, default=Size().seed)
    options = vars(parser.parse_args())
    folder = options.pop("folder")
    folder.mkdir(parents=True, exist_ok=True)
    print(history_database(folder, Size(**options)))


if __name__ == "__main__":
    main()
