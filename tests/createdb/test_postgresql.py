"""What PostgreSQL is given: statements in its words, tables in partitions."""

import subprocess

import pytest
from sqlalchemy.exc import DBAPIError

from createDB.engine import database_url, open_engine, said_by
from createDB.postgresql.statements import translation
from createDB.state import head_revision
from tests import nursery
from tests.conftest import DEADLINE_S, LAYOUTS, free_port
from tests.postgresql import PostgresServer, rows_of


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT ?, ?", "SELECT %s, %s"),
        ("SELECT ?2, ?1, ?2", "SELECT %(2)s, %(1)s, %(2)s"),
        ("x = :x AND t::text = ':y ?'", "x = %(x)s AND t::text = ':y ?'"),
        ("a LIKE '%' -- ? :x", "a LIKE '%%' -- ? :x"),
        ("a CROSS JOIN b ON a.x = b.x", "a  JOIN b ON a.x = b.x"),
        ("a CROSS JOIN (SELECT 1) b USING (x)", "a  JOIN (SELECT 1) b USING (x)"),
        ("a CROSS JOIN b WHERE x ON y", "a CROSS JOIN b WHERE x ON y"),
        ("t INDEXED BY i WHERE", "t    WHERE"),
        ("valor IS ?", "valor IS NOT DISTINCT FROM %s"),
        (
            "+n IN (SELECT CAST(value AS INTEGER) FROM json_each(:n))",
            "+n = ANY (numbers_of(%(n)s))",
        ),
        ("valor IS NOT NULL OR x IS NULL", "valor IS NOT NULL OR x IS NULL"),
    ],
)
def test_a_statement_is_put_into_words_of_postgresql(statement: str, expected: str) -> None:
    assert translation(statement)[0] == expected


def test_what_it_says_is_a_line(postgresql: PostgresServer) -> None:
    for port, query, said in (
        (postgresql.port, "SELECT 1,\nnada", 'column "nada" does not exist'),
        (free_port(), "SELECT 1", "Connection refused"),
    ):
        url = database_url(postgresql.url()).set(port=port)
        engine = open_engine(url)
        with pytest.raises(DBAPIError) as refusal, engine.connect() as connection:
            connection.exec_driver_sql(query)
        engine.dispose()
        assert said in said_by(refusal.value)
        assert "\n" not in said_by(refusal.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_database_is_made_with_partitions(postgresql: PostgresServer, layout: str) -> None:
    with postgresql.database(layout) as url:
        kinds = {
            row["relname"]: row["relkind"]
            for row in rows_of(url, "SELECT relname, relkind FROM pg_class")
        }
        assert kinds["servers"] == kinds["periodos"] == "p"
        assert kinds["procesos"] == ("p" if layout == "completo" else "v")
        [found] = rows_of(url, "SELECT julianday('2026-11-20 12:00:00') AS day, max(1, 2) AS most")
        assert found == {"day": 2461365.0, "most": 2}


def test_another_layout_is_refused_in_one_line(postgresql: PostgresServer) -> None:
    with postgresql.database("completo") as url:
        done = run_createdb("--database", url, "--layout", "compacto")
        assert done.returncode == 3
        assert "es completo, y en PostgreSQL eso no cambia: " in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_database_is_built_once(postgresql: PostgresServer) -> None:
    with postgresql.database() as url:
        first, again = (run_createdb("--database", url, "--layout", "compacto") for _ in range(2))
        assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
        assert "creada" in first.stdout
        assert f"ya está al día (esquema {head_revision()}, compacto)" in again.stdout


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:secreta@127.0.0.1:1/nada",
        "postgresql://ana@127.0.0.1:1/nada?password=secreta&sslpassword=secreta",
    ],
)
def test_a_password_is_not_told(url: str) -> None:
    done = run_createdb("--database", url)
    assert done.returncode == 3
    assert "secreta" not in done.stderr + done.stdout


def run_createdb(*arguments: str) -> subprocess.CompletedProcess[str]:
    return nursery.run(nursery.DATABASE, arguments, timeout=DEADLINE_S)


def test_options_are_refused_rather_than_dropped() -> None:
    done = run_createdb("--database", "postgresql://ana@equipo/base?options=-csearch_path%3Dotro")
    assert done.returncode == 2
    assert "ALTER ROLE" in done.stderr


def test_why_it_cannot_be_reached(postgresql: PostgresServer) -> None:
    for url, words in (
        (f"postgresql://ana@127.0.0.1:{free_port()}/base", "nadie escucha"),
        (f"postgresql://ana@equipo.invalid:{postgresql.port}/base", "no se conoce ese equipo"),
        (postgresql.url("nada"), "créela antes (createdb)"),
        (postgresql.url("nada").replace("postgres@", "ana@"), 'role "ana" does not exist'),
    ):
        done = run_createdb("--database", url)
        assert done.returncode == 3
        assert words in done.stderr


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_any_text(postgresql: PostgresServer, encoding: str) -> None:
    name = f"de_{encoding.lower()}"
    with postgresql.connect() as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
    done = run_createdb("--database", postgresql.url(name))
    assert done.returncode == 3
    assert f"es de {encoding}, y ha de ser de UTF8" in done.stderr


def test_an_index_of_some_rows_is_one_of_these_alone(postgresql: PostgresServer) -> None:
    with postgresql.database("completo") as url:
        [found] = rows_of(
            url, "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_alertas_abiertas'"
        )
    assert found["indexdef"].endswith("WHERE (resuelta IS NULL)")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://ana:secreta@equipo/base", "mysql://ana:***@equipo/base"),
        ("postgresql://ana:secreta@equipo", "postgresql://ana:***@equipo"),
        ("postgresql://ana:secr@eta@equipo:x/b", "postgresql://ana:***@equipo:x/b"),
        ("postgresql://ana:s@secr/eta@equipo/b", "postgresql://ana:***@equipo/b"),
        ("postgresql://equipo?password=secr", "postgresql://equipo?password=***"),
    ],
)
def test_what_is_no_database_of_ours_is_refused_without_its_password(url: str, shown: str) -> None:
    done = run_createdb("--database", url)
    assert done.returncode == 2
    assert f"'{shown}'" in done.stderr
    assert "secr" not in done.stderr


def test_the_audit_trail_only_grows(postgresql: PostgresServer) -> None:
    with postgresql.database("completo") as url:
        insert = (
            "INSERT INTO auditoria (momento, quien, desde, accion) "
            "VALUES ('2026-11-20', 'ana', 'terminal', 'x') RETURNING momento"
        )
        assert rows_of(url, insert) == [{"momento": "2026-11-20 00:00:00.000000"}]
        for change in ("DELETE FROM auditoria", "UPDATE auditoria SET quien = 'b'"):
            with pytest.raises(Exception, match="la auditoría no se cambia"):
                rows_of(url, change)
