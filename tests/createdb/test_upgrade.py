"""A database of the first generation becomes ours without losing a row, or stays what it was."""

import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from API.app.report import NAMESPACE
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.errors import DatabaseUnusableError
from createDB.schema import metadata
from createDB.state import VERSION_TABLE, head_revision, ready
from createDB.views import Layout
from tests.createdb.conftest import Change, Rows, Run, Start, When

SEED_ROWS = {
    "servers": "SELECT id_serv, ipaddress, marca_proc, version_so FROM servers",
    "procesos": "SELECT id_proc, id_serv, ip_server, pid, name, username FROM procesos",
    "usuarios_activos": "SELECT id_usr, id_serv, ip_server, username, pid FROM usuarios_activos",
}


def upgrade(path: Path) -> str:
    return build(database_url(str(path)))


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_every_row_keeps_its_number_and_values(run: Run, seed: Path, rows: Rows) -> None:
    before = {table: rows(seed, query) for table, query in SEED_ROWS.items()}
    done = run("--database", seed)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{seed}: actualizada de primera generación a {head_revision()}" in done.stdout
    assert {table: rows(seed, query) for table, query in SEED_ROWS.items()} == before


def test_moments_take_one_form_and_what_is_none_stays(seed: Path, rows: Rows) -> None:
    upgrade(seed)
    assert rows(seed, "SELECT id_serv, fecha_hora, momento FROM servers") == [
        (3, "2020-02-15 02:06:54.999999", 1_581_732_414_999),
        (8, "2020-02-16 00:06:54.000000", 1_581_811_614_000),
        (9, "ayer", 0),  # before all others
        (10, None, 0),
    ]
    times = [found for (found,) in rows(seed, "SELECT fecha_hora FROM procesos WHERE id_proc > 1")]
    assert times == ["2020-02-16 02:06:54.000000", "2020-02-17 00:00:00.000000", None]


def test_a_clock_that_was_ahead_does_not_stay_the_latest_report(
    seed: Path, change: Change, rows: Rows
) -> None:
    change(seed, "UPDATE servers SET fecha_hora = '2099-01-01 00:00:00' WHERE id_serv = 8")
    upgrade(seed)
    ((fecha_hora, momento),) = rows(
        seed, "SELECT fecha_hora, momento FROM servers WHERE id_serv = 8"
    )
    assert fecha_hora == "2099-01-01 00:00:00.000000"
    assert momento <= time.time() * 1000


def test_addresses_become_agents(seed: Path, rows: Rows) -> None:
    upgrade(seed)
    identities = [str(uuid.uuid5(NAMESPACE, f"10.0.0.{n}")) for n in (1, 2)]
    assert rows(seed, "SELECT id_serv, id_agente, id_reporte, recibido FROM servers") == [
        (3, identities[0], None, None),
        (8, identities[0], None, None),
        (9, identities[1], None, None),
        (10, str(uuid.uuid5(NAMESPACE, "")), None, None),
    ]
    query = "SELECT id_agente, ipaddress, id_serv, ultimo_reporte FROM agentes ORDER BY ipaddress"
    assert rows(seed, query) == [
        (str(uuid.uuid5(NAMESPACE, "")), "", 10, None),
        (identities[0], "10.0.0.1", 8, "2020-02-16 00:06:54.000000"),
        (identities[1], "10.0.0.2", 9, None),
    ]


def test_old_reports_get_a_history(seed: Path, rows: Rows) -> None:
    upgrade(seed)
    query = "SELECT DISTINCT name FROM procesos p JOIN servers USING (id_serv)"
    assert rows(seed, query)
    assert set(rows(seed, query)) == set(rows(seed, "SELECT DISTINCT name FROM historial_procesos"))
    assert rows(seed, "SELECT count(*) FROM servers WHERE momento IS NULL") == [(0,)]


def test_numbers_go_on_above_every_one_ever_seen(seed: Path, change: Change, rows: Rows) -> None:
    upgrade(seed)
    change(seed, "INSERT INTO servers (ipaddress) VALUES ('10.0.0.3')")
    assert rows(seed, "SELECT max(id_serv) FROM servers") == [(58,)]  # an orphan named 57


def test_numbers_go_on_above_those_that_sqlite_remembers(
    tmp_path: Path, change: Change, rows: Rows
) -> None:
    path = tmp_path / "servers.sqlite"
    change(
        path,
        "CREATE TABLE servers (id_serv INTEGER PRIMARY KEY AUTOINCREMENT, ipaddress, fecha_hora,"
        " arquitectura_proc, marca_proc, nombre_so, version_so);"
        "INSERT INTO servers (id_serv) VALUES (900); DELETE FROM servers",
    )
    upgrade(path)
    change(path, "INSERT INTO servers (ipaddress) VALUES ('10.0.0.3')")
    assert rows(path, "SELECT id_serv FROM servers") == [(901,)]
    assert rows(path, "SELECT count(*) FROM procesos") == [(0,)]


def test_what_the_operator_made_stays(seed: Path, change: Change, rows: Rows) -> None:
    change(
        seed,
        """
        ALTER TABLE servers ADD COLUMN sala TEXT;
        UPDATE servers SET sala = 'B2' WHERE id_serv = 3;
        CREATE INDEX por_nombre ON procesos (name);
        CREATE INDEX ix_procesos_id_serv ON procesos (id_serv);
        CREATE VIEW root AS SELECT p.name FROM procesos p JOIN servers USING (id_serv);
        CREATE TABLE notas (id_serv INTEGER REFERENCES servers (id_serv), texto);
        INSERT INTO notas VALUES (3, 'cambiar disco');
        CREATE TRIGGER anota AFTER INSERT ON servers BEGIN
            INSERT INTO notas VALUES (NEW.id_serv, 'nuevo'); END;
        """,
    )
    upgrade(seed)
    assert rows(seed, "SELECT id_serv, sala FROM servers WHERE sala IS NOT NULL") == [(3, "B2")]
    assert rows(seed, "SELECT * FROM root") == [("systemd",), ('Compañía "demo"',)]
    change(seed, "INSERT INTO servers (id_serv) VALUES (500)")
    assert rows(seed, "SELECT * FROM notas") == [(3, "cambiar disco"), (500, "nuevo")]
    query = "SELECT count(*) FROM sqlite_master WHERE name IN ('por_nombre', 'ix_procesos_id_serv')"
    assert rows(seed, query) == [(2,)]
    foreign = {table for _, _, table, *_ in rows(seed, "PRAGMA foreign_key_list(notas)")}
    assert foreign == {"servers"}


def test_the_copy_from_before_holds_the_old_database(seed: Path) -> None:
    before = dump(seed)
    said = upgrade(seed)
    copy = Path(said.partition("; copia anterior en ")[2])
    assert copy.name.startswith(f"servers.sqlite.antes-de-{head_revision()}-")
    assert dump(copy) == before


def test_thousands_of_rows_are_all_there(seed: Path, change: Change, rows: Rows) -> None:
    change(seed, many_rows(20_000))
    upgrade(seed)
    assert rows(seed, "SELECT count(*), sum(pid) FROM procesos WHERE id_proc > 100") == [
        (20_000, sum(range(1, 20_001)))
    ]


def test_upgraded_and_new_have_the_same_schema(seed: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite"
    build(database_url(str(new)))
    upgrade(seed)
    assert schema_of(seed) == schema_of(new)
    assert set(schema_of(new)) == set(metadata.tables) | {VERSION_TABLE}


@pytest.mark.parametrize("layout", Layout)
def test_a_database_of_the_first_revision_gets_what_came_since(
    tmp_path: Path, change: Change, rows: Rows, layout: Layout
) -> None:
    path = tmp_path / "servers.sqlite"
    build(database_url(str(path)), layout)
    wanted = schema_of(path)
    change(
        path,
        "DROP INDEX ix_cumplimiento_hasta_veredicto_num_politica;"
        "DROP TABLE entregas; DROP TABLE mensajes; DROP TABLE alertas; DROP TABLE por_juzgar;"
        "INSERT INTO agentes (id_agente, hostname) VALUES ('a', 'web-1');"
        "UPDATE version_esquema SET version_num = '0001'",
    )
    assert f"actualizada de 0001 a {head_revision()}" in upgrade(path)
    assert schema_of(path) == wanted
    assert rows(path, "SELECT num_agente, hostname FROM agentes") == [(1, "web-1")]


def test_killed_in_the_middle_the_old_database_is_intact(
    seed: Path, change: Change, start: Start, when: When, rows: Rows
) -> None:
    change(seed, many_rows(150_000))
    before = dump(seed)
    process = start("--database", seed)
    when(process, lambda: any(seed.parent.glob("servers.sqlite.antes-de-*")))
    process.kill()
    assert process.wait() == -9
    assert dump(seed) == before
    assert "actualizada" in upgrade(seed)
    assert rows(seed, "SELECT count(*) FROM procesos WHERE id_proc > 100") == [(150_000,)]


def test_repeated_numbers_stop_the_upgrade_and_change_nothing(
    tmp_path: Path, change: Change
) -> None:
    path = tmp_path / "servers.sqlite"
    change(
        path,
        "CREATE TABLE servers (id_serv INT, ipaddress, fecha_hora, arquitectura_proc, marca_proc,"
        " nombre_so, version_so); INSERT INTO servers (id_serv) VALUES (1), (1)",
    )
    before = dump(path)
    with pytest.raises(DatabaseUnusableError, match=r"UNIQUE constraint failed: servers\.id_serv"):
        upgrade(path)
    assert dump(path) == before


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ("CREATE TABLE servers (id_serv, nombre)", "'servers'"),
        ("CREATE TABLE agentes (nombre)", "'agentes'"),
    ],
)
def test_tables_of_another_program_under_our_names_are_refused(
    tmp_path: Path, change: Change, tables: str, named: str
) -> None:
    path = tmp_path / "servers.sqlite"
    change(path, tables)
    before = dump(path)
    with pytest.raises(DatabaseUnusableError, match=named):
        upgrade(path)
    assert dump(path) == before


def test_the_collector_refuses_what_is_not_upgraded(seed: Path) -> None:
    engine = open_engine(database_url(str(seed)))
    with pytest.raises(DatabaseUnusableError, match=r"más antigua .*; ejecute createDB\.py"):
        ready(engine)
    upgrade(seed)
    ready(engine)
    engine.dispose()


def many_rows(count: int) -> str:
    numbers = f"n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"  # noqa: S608
    values = "100 + i, 3, '10.0.0.1', '2020-02-15T02:06:54', i, 'p', 'root'"
    return f"WITH RECURSIVE {numbers} INSERT INTO procesos SELECT {values} FROM n"  # noqa: S608


def schema_of(path: Path) -> dict[str, Any]:
    """Describe every table as SQLite does, whatever the text that made it."""
    with closing(sqlite3.connect(path)) as connection:

        def ask(pragma: str, name: str) -> list[tuple[Any, ...]]:
            return connection.execute(f"PRAGMA {pragma}('{name}')").fetchall()

        tables = connection.execute(
            "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master"
            " WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            table: {
                "autoincrement": autoincrement,
                "columns": ask("table_info", table),
                "keys": ask("foreign_key_list", table),
                "indexes": {
                    (index[1], *index[2:], tuple(ask("index_xinfo", index[1])))
                    for index in ask("index_list", table)
                },
            }
            for table, autoincrement in tables
        }
