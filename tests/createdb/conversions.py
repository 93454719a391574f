"""What the tests of a conversion share: a database of completo, and all that can be asked of it."""

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from API.app.ingest.entry import Entry
from API.app.ingest.store import Store
from API.app.settings import Settings, settings_from
from createDB.build import build
from createDB.engine import open_engine
from createDB.views import Layout
from tests.documentation import queries
from tests.ingest.conftest import BASE, entry, processes

LISTS = (
    "SELECT id_serv, ip_server, fecha_hora, pid, name, username FROM procesos",
    "SELECT id_serv, ip_server, fecha_hora, username, pid FROM usuarios_activos",
)
QUESTIONS = queries()

Answers = list[list[tuple[Any, ...]]]


def settings_in(folder: Path) -> Settings:
    places = {"database": str(folder / "servers.sqlite"), "storage": str(folder / "storage")}
    return settings_from(places, {}, folder / "none")


def fill(settings: Settings, layout: Layout, entries: list[Entry]) -> None:
    engine = open_engine(settings.database)
    with engine.begin() as connection:
        store = Store(rows=layout is Layout.COMPLETO)
        store.store(connection, entries, BASE + timedelta(days=1))
    engine.dispose()


def answers(path: Path) -> Answers:
    """Ask for every row, and what the documents ask."""
    with closing(sqlite3.connect(path)) as connection:
        rows = [sorted(connection.execute(query), key=repr) for query in LISTS]
        return rows + [connection.execute(query).fetchall() for query in QUESTIONS]


def layout_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT type FROM sqlite_master WHERE name IN ('procesos', 'usuarios_activos')"
        ((kind,),) = set(connection.execute(query))
    return {"table": "completo", "view": "compacto"}[kind]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def options(folder: Path, layout: str = "compacto") -> list[str]:
    places = ["--database", str(folder / "servers.sqlite"), "--storage", str(folder / "storage")]
    return [*places, "--layout", layout]


def copies(folder: Path) -> list[Path]:
    return list(folder.glob("servers.sqlite.antes-de-compacto-*"))


def make_completo(folder: Path, reports: int = 600, layout: Layout = Layout.COMPLETO) -> Path:
    """Make a database, of completo: reports of three servers, 60 processes each."""
    settings = settings_in(folder)
    build(settings.database, layout)
    chance = random.Random(1)
    running = [[(pid, f"p{pid % 30}") for pid in range(60)] for _ in range(3)]
    entries = []
    for number in range(reports):
        items = running[number % 3]
        items[chance.randrange(60)] = (100 + number, chance.choice("abc"))
        sessions = [{"name": "ana", "pid": None}] * chance.randrange(3)
        entries.append(
            entry(number % 3, number, number, procesos=processes(*items), usuarios_activos=sessions)
        )
    fill(settings, layout, entries)
    return folder / "servers.sqlite"
