"""--from-database: a database of SQLite becomes one of PostgreSQL, whatever interrupts it."""

import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from API.app.settings import settings_from
from API.app.storage import known_name, lock_database
from createDB.build import build
from createDB.compare import compare
from createDB.engine import database_url
from createDB.errors import DatabaseUnusableError
from createDB.moving.fitting import kinds_of, misfit
from createDB.moving.move import move
from createDB.moving.origin import opened
from createDB.moving.target import connected
from createDB.postgresql.locks import Lock
from createDB.snapshot import snapshot
from createDB.state import require_current
from createDB.views import Layout
from tests.conftest import LAYOUTS, NewCollector, make_report, wait_until
from tests.createdb.conftest import Change, Run, Start
from tests.createdb.conversions import dump, make_completo
from tests.createdb.moves import FORK, assert_equal, place_of
from tests.postgresql import PostgresServer, rows_of

REPORTS = 250


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A database of each layout; tests copy them."""
    made = {}
    for layout in Layout:
        made[layout.value] = make_completo(tmp_path_factory.mktemp(layout), REPORTS, layout)
        with closing(sqlite3.connect(made[layout.value])) as connection, connection:
            connection.execute(
                "INSERT INTO bitacoras VALUES "
                "('reportes-2026-11-20.jsonl', 5), ('otro/reportes-2026-11-20.jsonl', 6)"
            )
    return made


@pytest.fixture
def origin(origins: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(origins["completo"], tmp_path / "servers.sqlite"))


@pytest.fixture
def target(postgresql: PostgresServer) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


def order(target: str, origin: Path) -> tuple[str, ...]:
    storage = str(origin.parent / "storage")
    return ("--database", target, "--from-database", str(origin), "--storage", storage)


def is_whole(target: str, origin: Path, storage: Path | None = None) -> bool:
    """Go on with a move; tell whether all was there at its end."""
    places = {"database": target, "storage": str(storage or origin.parent / "storage")}
    whole, lines = move(
        settings_from(places, {}, origin.parent / "none"), database_url(str(origin))
    )
    assert whole, lines
    return whole


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_of_it_arrives_and_comes_back(
    origins: dict[str, Path], layout: str, target: str, tmp_path: Path
) -> None:
    assert is_whole(target, origins[layout])
    assert not place_of(target)
    assert_equal(target, origins[layout])
    astray = "SELECT 1 FROM servers_resto UNION ALL SELECT 1 FROM periodos_resto"
    assert rows_of(target, astray) == []
    [stored] = rows_of(target, "SELECT count(*) AS number FROM reportes JOIN servers USING "
                       "(num_agente, id_reporte, id_serv, recibido)")  # fmt: skip
    assert stored["number"] == REPORTS
    if layout == "completo":
        strays = (
            "SELECT 1 FROM procesos LEFT JOIN servers USING (id_serv, num_agente, recibido) "
            "WHERE ipaddress IS NULL"
        )
        assert rows_of(target, strays) == []
    copy = tmp_path / "copy.sqlite"
    storage = origins[layout].parent / "storage"
    places = rows_of(target, "SELECT archivo FROM bitacoras")
    assert {row["archivo"] for row in places} == {
        f"{name}/reportes-2026-11-20.jsonl" for name in (known_name(storage), "otro")
    }
    snapshot(database_url(target), copy, owner=known_name(storage), progress=False)
    assert sorted(dump(copy)) == sorted(dump(origins[layout]))


def test_killed_at_any_moment_it_goes_on(origin: Path, target: str, long_run: bool) -> None:
    chance, seen = random.Random(5), set()
    for _ in range(30 if long_run else 6):
        before = place_of(target)
        process = FORK.Process(target=is_whole, args=(target, origin))
        process.start()
        while place_of(target) == before and process.is_alive():
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.join()
        seen.add(len(place_of(target)))
        if not place_of(target):
            break
    assert len(seen) > 1
    assert not place_of(target) or is_whole(target, origin)
    assert_equal(target, origin)


def test_interrupted_it_says_how_to_go_on(
    origin: Path, target: str, start: Start, run: Run, change: Change
) -> None:
    process = start(*order(target, origin))
    wait_until(lambda: place_of(target), "a beginning")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said.endswith("createDB.py: interrumpido; repita la orden y sigue donde quedó\n")
    goes_on = f"siga con createDB.py --database URL --from-database {origin}$"
    for what in (build, require_current):
        with pytest.raises(DatabaseUnusableError, match=goes_on):
            what(database_url(target))
    change(origin, "CREATE TABLE notas (texto); ALTER TABLE agentes ADD COLUMN rack TEXT")
    done = run(*order(target, origin))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"servers: {REPORTS} filas, iguales" in done.stdout
    assert "nota: la tabla notas no es de este sistema, y no se lleva" in done.stdout
    assert "nota: la columna rack de agentes no es de este sistema" in done.stdout
    assert done.stdout.endswith("comprobadas una a una\n")


def test_what_fails_while_ending_on_ctrl_c_is_an_interruption(target: str) -> None:
    def begin() -> None:
        with connected(database_url(target)) as connection:
            try:
                raise KeyboardInterrupt
            finally:
                connection.exec_driver_sql("COMMIT A COPY THAT WAS CANCELLED")

    with pytest.raises(KeyboardInterrupt):
        begin()


def begun(target: str, origin: Path) -> None:
    """Begin a move, and kill it."""
    process = FORK.Process(target=is_whole, args=(target, origin))
    process.start()
    wait_until(lambda: place_of(target), "a beginning")
    process.kill()
    process.join()


def test_a_lost_connection_is_told_and_it_goes_on(
    origin: Path, target: str, postgresql: PostgresServer
) -> None:
    def cut() -> None:
        wait_until(lambda: place_of(target), "a beginning")
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with postgresql.connect() as connection:
            connection.execute(query, (target.rpartition("/")[2],))

    with ThreadPoolExecutor() as aside:
        aside.submit(cut)
        words = r"(se perdió|cortó) la conexión.*; repita la orden, que sigue.*$"
        with pytest.raises(DatabaseUnusableError, match=words):
            is_whole(target, origin)
    assert is_whole(target, origin)
    assert_equal(target, origin)


def test_a_file_that_is_missing_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusableError, match=r"nada\.sqlite: no existe$"):
        is_whole(target, tmp_path / "nada.sqlite")


def test_another_database_than_it_began_with_is_refused(
    origin: Path, target: str, change: Change
) -> None:
    begun(target, origin)
    change(origin, "UPDATE bitacoras SET posicion = 6")
    with pytest.raises(DatabaseUnusableError, match="cambió desde"):
        is_whole(target, origin)


def test_what_holds_data_is_refused(origin: Path, postgresql: PostgresServer) -> None:
    with postgresql.database("completo") as target:
        with psycopg.connect(target) as connection:
            connection.execute("INSERT INTO retencion VALUES ('reportes', 1)")
        words = (
            r"ya tiene datos \(retencion\); dé una base de PostgreSQL vacía.*arranque el colector"
        )
        with pytest.raises(DatabaseUnusableError, match=words):
            is_whole(target, origin)
    with (
        postgresql.database("compacto") as target,
        pytest.raises(DatabaseUnusableError, match="no son completo; dé una base"),
    ):
        is_whole(target, origin)


def test_not_while_a_collector_works(origin: Path, target: str) -> None:
    with (
        lock_database(origin),
        pytest.raises(DatabaseUnusableError, match=r"la usa otro colector.*; deténgalo antes,"),
    ):
        is_whole(target, origin)
    with psycopg.connect(target) as collector:
        collector.execute("SELECT pg_advisory_lock(%s)", (Lock.JUDGING,))
        with pytest.raises(DatabaseUnusableError, match=r"la usa un colector; deténgalo antes$"):
            is_whole(target, origin)


def check_differences(postgresql: PostgresServer, target: str, log: Path) -> None:
    """Spoil a copy of a database, and see that a comparison with the log finds it all out."""
    with postgresql.database(target.rpartition("/")[2]) as copy:
        with psycopg.connect(copy) as connection:
            connection.execute("UPDATE servers SET hostname = NULL WHERE id_serv = 1")
            connection.execute("DELETE FROM procesos WHERE id_serv = 2")
            connection.execute("DELETE FROM servers WHERE id_serv = 3")
        whole, lines = compare(database_url(copy), log)
        assert not whole
        assert lines[-1].endswith(
            "6 diferencias (falta en la base: 1, contenido distinto: 2, "
            "número de reportes sin su reporte: 1, fila sin su reporte: 2)"
        )
        with psycopg.connect(copy) as connection:
            connection.execute("INSERT INTO bitacoras VALUES ('otro/reportes-2026-11-28.jsonl', 1)")
            connection.execute("INSERT INTO servers (id_serv, num_agente, recibido, id_reporte) "
                               "VALUES (3, 1, '2026-11-28', 'x')")  # fmt: skip
        _, lines = compare(database_url(copy), log)
        assert "1 reporte de la base no está en esta bitácora; quizá en la de otro" in (
            "\n".join(lines)
        )


@pytest.mark.sqlite
def test_a_collector_goes_on_there_and_back(
    new_collector: NewCollector, target: str, run: Run, postgresql: PostgresServer
) -> None:
    collector = new_collector().start()
    reports = [make_report() for _ in range(3)]
    assert [collector.post(report).status_code for report in reports] == [201] * 3
    assert collector.stop() == 0
    assert is_whole(target, collector.database, collector.storage)
    collector.postgresql = target
    collector.start()
    assert collector.post(reports[0]).json() == {"id_serv": 1}
    assert collector.post(make_report()).json() == {"id_serv": 4}
    assert collector.stop() == 0
    check_differences(postgresql, target, collector.storage / "text")
    places = ("--storage", collector.storage, "--snapshot", collector.storage / "copy.sqlite")
    done = run("--database", target, *places, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"4 reportes en {collector.storage}/text, y {target}: dicen lo mismo" in done.stdout
    for left in collector.database.parent.iterdir():
        left.unlink()
    (collector.storage / "copy.sqlite").rename(collector.database)
    collector.postgresql = None
    collector.start()
    assert collector.post(reports[0]).json() == {"id_serv": 1}
    assert collector.post(make_report()).json()["id_serv"] > 4
    assert collector.stop() == 0
    assert "brought together" not in collector.log
    assert len(collector.journal()) == 5


def test_an_older_one_is_upgraded_first(seed: Path, target: str) -> None:
    with pytest.raises(DatabaseUnusableError, match=r"ejecute createDB\.py$"):
        is_whole(target, seed)
    build(database_url(str(seed)))
    with pytest.raises(DatabaseUnusableError, match="id_serv 9: no es una fecha y hora: 'ayer'"):
        is_whole(target, seed)
    with closing(sqlite3.connect(seed)) as connection, connection:
        for table in ("servers", "procesos", "usuarios_activos"):
            connection.execute(f"UPDATE {table} SET fecha_hora = NULL WHERE fecha_hora = 'ayer'")  # noqa: S608
    assert is_whole(target, seed)
    rows = rows_of(target, "SELECT id_serv, recibido FROM servers ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        (3, "2020-02-15 02:06:54.999000"),
        (8, "2020-02-16 00:06:54.000000"),
        (9, "1970-01-01 00:00:00.000000"),
        (10, "1970-01-01 00:00:00.000000"),
    ]
    [most] = rows_of(target, "SELECT last_value FROM servers_id_serv_seq")
    assert most["last_value"] == 57


WRONG = {
    "a NUL": ("UPDATE procesos SET name = 'a' || char(0) || 'b' WHERE id_proc = 9000",
              "name de procesos, id_proc 9000: tiene un NUL, que PostgreSQL no admite: 'a\\x00b'"),
    "no UTF-8": ("UPDATE procesos SET username = CAST(x'61ff' AS TEXT) WHERE id_proc = 777",
                 "username de procesos, id_proc 777: no es UTF-8: 'a\\udcff'"),
    "a surrogate": ("UPDATE agentes SET hostname = CAST(x'eda080' AS TEXT) WHERE num_agente = 2",
                    "hostname de agentes, num_agente 2: no es UTF-8"),
    "a number in a moment": ("UPDATE servers SET fecha_hora = 2026 WHERE id_serv = 5",
                             "fecha_hora de servers, id_serv 5: no es una fecha y hora: 2026"),
    "no moment": ("UPDATE servers SET fecha_hora = 'ayer' WHERE id_serv = 5",
                  "no es una fecha y hora: 'ayer'"),
    "an offset": ("UPDATE servers SET fecha_hora = '2026-11-20T10:00:00+01:00' WHERE id_serv = 5",
                  "no tiene la forma AAAA-MM-DD HH:MM:SS.ffffff"),
    "bytes": ("UPDATE hechos SET nombre = x'00' WHERE id_hecho = 3",
              "nombre de hechos, id_hecho 3: no es texto: b'\\x00'"),
    "a large number": ("UPDATE agentes SET rotacion = 1 << 31 WHERE num_agente = 1",
                       "no cabe en 32 bits: 2147483648"),
    "a text for a number": ("UPDATE procesos SET pid = 'uno' WHERE id_proc = 4",
                            "pid de procesos, id_proc 4: no es un número entero: 'uno'"),
    "a long text": ("UPDATE agentes SET clon_de = printf('%40d', 1) WHERE num_agente = 1",
                    "tiene más de 36 caracteres"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_postgresql_cannot_hold_is_named(
    origin: Path, wrong: str, change: Change, tmp_path: Path
) -> None:
    statement, said = WRONG[wrong]
    change(origin, statement)
    with opened(database_url(str(origin)), tmp_path) as found:
        words = [
            words
            for part in found.parts
            for piece in found.rows(part)
            if (words := misfit(part, kinds_of(part.table), piece))
        ]
    assert len(words) == 1
    assert said in words[0]
