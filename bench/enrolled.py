"""A database in which every server of a fleet has enrolled, reported once, and been judged.

One server of each track does so through the collector's own code; the rows of the others are
copied from its rows, in SQL. 100,000 servers take minutes instead of most of an hour.
"""

import gzip
import hashlib
import multiprocessing
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from API.app.compliance.court import Court
from API.app.compliance.library import SHIPPED, Library
from API.app.compliance.present import judge_new
from API.app.compliance.review import review
from API.app.ingest.entry import entry_from_body
from API.app.ingest.sql import sql_time
from API.app.ingest.store import Store
from bench.servers import Plan, Servers
from bench.tracks import OWN
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.schema import OPEN
from createDB.views import Layout


def kept_database(folder: Path, plan: Plan, seconds: float) -> tuple[Path, Servers]:
    """Give the database of a plan that is in a folder, made if it is not, and its servers."""
    name = (
        f"{plan.servers}+{plan.clones}x{plan.steps(seconds)}-{plan.processes}-{plan.interval:g}-"
        f"{plan.layout}-{plan.seed}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{name}@*.sqlite"):
        return path, Servers(plan, float(path.stem.rpartition("@")[2]), seconds)
    begin = int(time.time())
    made = folder / f"{name}@{begin}.part" / "servers.sqlite"
    servers = Servers(plan, begin, seconds)
    apart = multiprocessing.get_context("fork").Process(
        target=enrolled_database, args=(made, servers)
    )  # it takes more memory than the simulator does
    apart.start()
    apart.join()
    if apart.exitcode:
        raise SystemExit("the database of the fleet could not be made")
    path = made.rename(folder / f"{name}@{begin}.sqlite")
    shutil.rmtree(made.parent)
    return path, servers


def enrolled_database(path: Path, fleet: Servers) -> None:
    """Make it.

    Args:
        path: of the new database.
        fleet: whose servers are to be in it; their numbers there are one higher.
    """
    url = database_url(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    build(url, fleet.plan.layout)
    models = min(fleet.plan.servers, len(fleet.tracks))
    _report(path, fleet, models)
    with closing(Court(url, Library([SHIPPED]))) as court:
        while judge_new(court).reports or review(court):
            pass
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for setting in ("synchronous = OFF", "cache_size = -300000"):
            database.execute(f"PRAGMA {setting}")
        database.execute("BEGIN")
        _copy(database, fleet, models)
        database.executemany(
            "INSERT INTO credenciales (hash, num_agente, desde) VALUES (?, ?, '2026-01-01')",
            sorted(_tokens(fleet)),
        )
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _tokens(fleet: Servers) -> Iterator[tuple[str, int]]:
    """Let each report with a token; for a measurement, its identity will do as its own."""
    for number in range(fleet.plan.servers):
        yield hashlib.sha256(fleet.identity(number).encode()).hexdigest(), number + 1


def _report(path: Path, fleet: Servers, models: int) -> None:
    store = Store(rows=fleet.plan.layout is Layout.COMPLETO)
    engine = open_engine(database_url(str(path)))
    with engine.begin() as connection:
        for number in range(models):
            entry = entry_from_body(
                gzip.decompress(fleet.report(number, 0, fleet.identity(number)))
            )
            store.store(connection, [entry], _received(fleet, number))
    engine.dispose()


def _received(fleet: Servers, number: int) -> datetime:
    return datetime.fromtimestamp(fleet.due(number, 0), UTC).replace(tzinfo=None)


def _copy(database: sqlite3.Connection, fleet: Servers, models: int) -> None:
    """Give the other servers what the models have, but for what is each one's own."""
    database.execute(
        "CREATE TEMP TABLE copias (num INTEGER PRIMARY KEY, modelo INTEGER, momento INTEGER)"
    )
    others = range(models, fleet.plan.servers)
    copies = ((number + 1, number % models + 1, fleet.moment(number, 0)) for number in others)
    database.executemany("INSERT INTO copias VALUES (?, ?, ?)", copies)
    database.row_factory = sqlite3.Row
    scenes = [track.scene(0) for track in fleet.tracks]
    for table, rows in (("servers", _reports), ("agentes", _agents)):
        found = database.execute(f"SELECT * FROM {table} ORDER BY num_agente").fetchall()  # noqa: S608
        names = found[0].keys()
        statement = (
            f"INSERT INTO {table} ({', '.join(names)}) "  # noqa: S608 - text of our own
            f"VALUES ({', '.join(f':{name}' for name in names)})"
        )
        database.executemany(
            statement,
            (dict(found[n % models]) | rows(fleet, n, scenes[n % models].boot) for n in others),
        )
    _own_facts(database, fleet, models)
    for statement in _STATEMENTS if fleet.plan.layout is Layout.COMPACTO else _STATEMENTS + _ROWS:
        database.execute(statement)


def _reports(fleet: Servers, number: int, boot: str) -> dict[str, Any]:
    address, hostname, own_boot = fleet.own(number, boot)
    moment = fleet.moment(number, 0)
    return {
        "id_serv": number + 1, "ipaddress": address, "hostname": hostname,
        "fecha_hora": sql_time(datetime.fromtimestamp(moment / 1_000, UTC).replace(tzinfo=None)),
        "id_agente": fleet.identity(number), "id_reporte": fleet.report_id(number, 0),
        "recibido": sql_time(_received(fleet, number)), "id_arranque": own_boot,
        "momento": moment, "num_agente": number + 1,
    }  # fmt: skip


def _agents(fleet: Servers, number: int, boot: str) -> dict[str, Any]:
    address, hostname, _ = fleet.own(number, boot)
    received = sql_time(_received(fleet, number))
    return {
        "num_agente": number + 1, "id_agente": fleet.identity(number), "hostname": hostname,
        "ipaddress": address, "id_serv": number + 1, "momento": fleet.moment(number, 0),
        "primer_reporte": received, "ultimo_reporte": received,
    }  # fmt: skip


def _own_facts(database: sqlite3.Connection, fleet: Servers, models: int) -> None:
    """Write the names that only one server has, and where they are true."""
    [label] = database.execute("SELECT max(id_hecho) FROM hechos").fetchone()
    database.execute("CREATE TEMP TABLE propios (id_hecho INTEGER, num INTEGER, numero INTEGER)")
    numbers = {
        (row["num_agente"], row["campo"]): row["numero"]
        for row in database.execute(
            "SELECT num_agente, campo, numero FROM periodos JOIN hechos USING (id_hecho)"
        )
    }
    for number in range(models, fleet.plan.servers):
        model = number % models
        boot = fleet.track(model).scene(0).boot
        for field, value in zip(OWN, fleet.own(number, boot), strict=True):
            label += 1
            database.execute("INSERT INTO hechos VALUES (?, ?, ?, NULL)", (label, field, value))
            own = (label, number + 1, numbers[model + 1, field])
            database.execute("INSERT INTO propios VALUES (?, ?, ?)", own)
        row = (number + 1, fleet.moment(number, 0), value)
        database.execute(
            "INSERT INTO arranques (num_agente, desde, id_arranque) VALUES (?, ?, ?)", row
        )


_STATEMENTS = (
    f"""
    INSERT INTO periodos
    SELECT num, hasta, id_hecho, pid, c.momento, veces, numero, inicio, propio
    FROM copias c JOIN periodos p ON p.num_agente = c.modelo
    WHERE id_hecho IN (SELECT id_hecho FROM hechos WHERE campo NOT IN {OWN})
    UNION ALL
    SELECT num, {OPEN}, id_hecho, -1, c.momento, 1, numero, NULL, 0
    FROM propios JOIN copias c USING (num)
    ORDER BY 1, 2, 3, 4
    """,  # noqa: S608 - text of our own
    """
    INSERT INTO presencias SELECT DISTINCT id_hecho, num
    FROM copias c JOIN periodos p ON p.num_agente = c.num ORDER BY 1, 2
    """,
    "INSERT INTO momentos SELECT momento, num FROM copias ORDER BY 1, 2",
    f"""
    INSERT INTO cumplimiento
    SELECT num, num_politica, c.momento, hasta, veredicto, evidencia, evidencia_ultima, razon
    FROM copias c JOIN cumplimiento v ON v.num_agente = c.modelo
    WHERE hasta = {OPEN} ORDER BY 1, 2
    """,  # noqa: S608 - text of our own
    "UPDATE avance SET hasta = (SELECT max(id_serv) FROM servers)",
)  # fmt: skip
_ROWS = (
    """
    INSERT INTO procesos (id_serv, ip_server, fecha_hora, pid, name, username)
    SELECT s.id_serv, s.ipaddress, s.fecha_hora, pid, name, username
    FROM copias c JOIN servers s ON s.id_serv = c.num JOIN procesos p ON p.id_serv = c.modelo
    """,
    """
    INSERT INTO usuarios_activos (id_serv, ip_server, fecha_hora, username, pid)
    SELECT s.id_serv, s.ipaddress, s.fecha_hora, username, pid
    FROM copias c
    JOIN servers s ON s.id_serv = c.num
    JOIN usuarios_activos u ON u.id_serv = c.modelo
    """,
)
