"""--check: what the JSON log and the database don't agree on."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from createDB.build import build
from createDB.compare import compare
from createDB.engine import database_url
from createDB.errors import DatabaseUnusableError
from createDB.reading import LogReader
from createDB.rebuild import rebuild
from tests.createdb.conftest import Change, LogLine, Run

Differences = Callable[[], list[str]]


@pytest.fixture
def database(tmp_path: Path, storage: Path) -> Path:
    path = tmp_path / "servers.sqlite"
    rebuild(database_url(str(path)), storage / "text")
    return path


@pytest.fixture
def differences(database: Path, storage: Path) -> Differences:
    """Give what a check says: one line for each difference, then the summary."""

    def differences() -> list[str]:
        well, lines = compare(database_url(str(database)), storage / "text")
        assert well == (len(lines) == 1)
        return lines

    return differences


def test_the_same(run: Run, database: Path, storage: Path) -> None:
    before = database.read_bytes()
    done = run("--database", database, "--storage", storage, "--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"30 reportes en {storage / 'text'}, y {database}: dicen lo mismo\n"
    assert database.read_bytes() == before


def test_different(run: Run, database: Path, storage: Path, change: Change) -> None:
    change(database, "DELETE FROM procesos WHERE id_serv = 5 AND pid = 1")
    done = run("--database", database, "--storage", storage, "--check")
    first, summary = done.stdout.splitlines()
    assert done.returncode == 1
    assert first == "contenido distinto: reporte 5, procesos: 5 en la bitácora, 4 en la base"
    assert summary.endswith(": 1 diferencia (contenido distinto: 1)")


def test_a_report_is_only_in_the_log(
    differences: Differences, database: Path, change: Change
) -> None:
    change(
        database, "DELETE FROM procesos WHERE id_serv = 3; DELETE FROM servers WHERE id_serv = 3"
    )
    assert differences()[0] == "falta en la base: reportes-2026-11-20.jsonl.gz, línea 3, id_serv 3"


def test_the_last_reports_are_only_in_the_log(
    differences: Differences, storage: Path, log_line: LogLine
) -> None:
    with (storage / "text" / "reportes-2026-11-21.jsonl").open("ab") as file:
        file.write(log_line(31) + log_line(32)[:40])
    assert differences() == [
        "falta en la base: reportes-2026-11-21.jsonl, línea 11, id_serv 31",
        differences()[-1],
    ]


def test_a_report_is_only_in_the_database(
    differences: Differences, storage: Path, log_line: LogLine
) -> None:
    lines = b"".join(log_line(number) for number in range(21, 30))
    (storage / "text" / "reportes-2026-11-21.jsonl").write_bytes(lines)
    assert differences()[0] == "falta en la bitácora: id_serv 30"


def test_numbers_disagree(differences: Differences, database: Path, change: Change) -> None:
    change(database, "PRAGMA foreign_keys = OFF; UPDATE servers SET id_serv = 77 WHERE id_serv = 3")
    first, *_ = differences()
    assert first.startswith("número distinto: reportes-2026-11-20.jsonl.gz, línea 3, id_serv 3")
    assert first.endswith("en la base es el 77")
    assert not [line for line in differences() if "falta en" in line]


@pytest.mark.parametrize(
    ("sql", "difference"),
    [
        ("UPDATE servers SET marca_proc = 'Xeon' WHERE id_serv = 4",
         "reporte 4, marca_proc: 'EPYC' en la bitácora, 'Xeon' en la base"),
        ("UPDATE servers SET hostname = NULL WHERE id_serv = 4",
         "reporte 4, hostname: 'web-1' en la bitácora, NULL en la base"),
        ("UPDATE servers SET recibido = 'ayer' WHERE id_serv = 4",
         "reporte 4, recibido: '2026-11-20 10:04:01.000000' en la bitácora, 'ayer' en la base"),
        ("UPDATE procesos SET username = '' WHERE id_serv = 4 AND pid = 2",
         "reporte 4, procesos: 4 en ambas, pero no los mismos"),
        ("DELETE FROM usuarios_activos WHERE id_serv = 5",
         "reporte 5, usuarios_activos: 2 en la bitácora, 0 en la base"),
        ("INSERT INTO usuarios_activos (id_serv, username) VALUES (3, 'eva')",
         "reporte 3, usuarios_activos: 0 en la bitácora, 1 en la base"),
    ],
)  # fmt: skip
def test_content_differs(
    differences: Differences, database: Path, change: Change, sql: str, difference: str
) -> None:
    change(database, sql)
    assert differences()[0] == f"contenido distinto: {difference}"


def test_a_report_is_twice_in_the_log(
    differences: Differences, storage: Path, log_line: LogLine
) -> None:
    with (storage / "text" / "reportes-2026-11-21.jsonl").open("ab") as file:
        file.write(log_line(3))
    assert (
        "reporte repetido en la bitácora: reportes-2026-11-21.jsonl, línea 11" in differences()[0]
    )


def test_reports_without_a_number_are_known_by_who_sent_which(
    differences: Differences, storage: Path, log_line: LogLine
) -> None:
    """They came while the database was away; the last of them, twice."""
    numbered = [log_line(number) for number in (21, 22, 23, 27, 28, 29, 30)]
    kept = [log_line(number, numbered=False) for number in (24, 25, 26, 26)]
    lines = b"".join((*numbered[:3], *kept, *numbered[3:]))
    (storage / "text" / "reportes-2026-11-21.jsonl").write_bytes(lines)
    assert len(differences()) == 1


def test_a_report_without_a_number_is_only_in_the_log(
    differences: Differences, storage: Path, log_line: LogLine
) -> None:
    with (storage / "text" / "reportes-2026-11-21.jsonl").open("ab") as file:
        file.write(log_line(31, numbered=False))
    assert differences()[0] == "falta en la base: reportes-2026-11-21.jsonl, línea 11, sin número"


def test_a_report_without_a_number_differs(
    differences: Differences, database: Path, storage: Path, log_line: LogLine, change: Change
) -> None:
    lines = b"".join(log_line(number, numbered=number != 24) for number in range(21, 31))
    (storage / "text" / "reportes-2026-11-21.jsonl").write_bytes(lines)
    change(database, "UPDATE servers SET marca_proc = 'Xeon' WHERE id_serv = 24")
    assert differences()[0] == (
        "contenido distinto: reporte 24, marca_proc: 'EPYC' en la bitácora, 'Xeon' en la base"
    )


def test_a_damaged_line_is_a_difference(differences: Differences, storage: Path) -> None:
    with (storage / "text" / "reportes-2026-11-21.jsonl").open("ab") as file:
        file.write(b"nothing\n")
    assert "línea dañada en la bitácora: reportes-2026-11-21.jsonl, línea 11" in differences()[0]


def test_rows_without_their_report_are_found(
    differences: Differences, database: Path, change: Change
) -> None:
    change(database, "INSERT INTO procesos (id_serv, pid) VALUES (999, 1)")
    assert differences()[0] == "fila sin su reporte: procesos, id_serv 999"


def test_damage_that_sqlite_finds_is_a_difference(
    differences: Differences, database: Path, change: Change
) -> None:
    change(
        database,
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = "
        "replace(sql, 'pid INTEGER', 'pid INTEGER NOT NULL') WHERE name = 'usuarios_activos'",
    )
    assert "archivo dañado: NULL value in usuarios_activos.pid" in differences()


def test_many_differences_are_counted(
    differences: Differences, database: Path, change: Change
) -> None:
    change(database, "UPDATE servers SET marca_proc = 'Xeon'")
    lines = differences()
    assert len(lines) == 22
    assert lines[20] == "... y 10 diferencias más"
    assert lines[21].endswith("30 diferencias (contenido distinto: 30)")


def test_what_the_first_generation_left_is_a_note(seed: Path, storage: Path) -> None:
    build(database_url(str(seed)))
    for path in (storage / "text").iterdir():
        path.unlink()
    well, lines = compare(database_url(str(seed)), storage / "text")
    assert well
    assert lines[:2] == [
        "nota: 4 reportes de la primera generación, de antes de la bitácora",
        "nota: 2 filas sin su reporte, de la primera generación",
    ]


def test_hostile_text_stays_in_its_line(
    differences: Differences, database: Path, change: Change
) -> None:
    change(database, "UPDATE servers SET marca_proc = 'a' || char(10, 27) || 'b' WHERE id_serv = 4")
    assert differences()[0].endswith(r"'a\n\x1bb' en la base")


def test_it_waits_for_no_writer_but_the_one_at_work(database: Path, storage: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnusableError, match="ocupada"):
            compare(database_url(str(database)), storage / "text")


def test_what_comes_in_meanwhile_is_no_difference(
    database: Path, storage: Path, log_line: LogLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector stores two reports after the check began: one in each place so far."""
    from createDB import compare as module

    begin = module._this_moment

    def begin_and_go_on(url: URL, log: LogReader) -> int:
        moment = begin(url, log)
        with (log.folder / "reportes-2026-11-21.jsonl").open("ab") as file:
            file.write(log_line(31))
        with closing(sqlite3.connect(database)) as collector:
            collector.execute(
                "INSERT INTO servers (id_serv, recibido) VALUES (32, '2026-11-21 00:00:00.000000')"
            )
            collector.commit()
        return moment

    monkeypatch.setattr(module, "_this_moment", begin_and_go_on)
    assert compare(database_url(str(database)), storage / "text")[0]
