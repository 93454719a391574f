"""--from-log: the JSON log becomes a database, whole or not at all."""

import signal
from pathlib import Path

import pytest

from API.app.ingest.entry import entry_from_body
from API.app.ingest.store import Store
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.errors import DatabaseUnusableError
from createDB.rebuild import rebuild
from tests.createdb.conftest import LogBody, LogLine, Rows, Run, Start, When

EVERYTHING = {
    "servers": "SELECT * FROM servers ORDER BY id_serv",
    "procesos": "SELECT * FROM procesos ORDER BY id_proc",
    "usuarios_activos": "SELECT * FROM usuarios_activos ORDER BY id_usr",
    "agentes": "SELECT * FROM agentes ORDER BY id_agente",
}


def from_log(path: Path, storage: Path) -> tuple[bool, list[str]]:
    return rebuild(database_url(str(path)), storage / "text")


def test_it_works(run: Run, storage: Path, tmp_path: Path, rows: Rows) -> None:
    path = tmp_path / "rebuilt.sqlite"
    done = run("--database", path, "--from-log", storage / "text")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}: creada desde {storage / 'text'}: 30 reportes\n"
    numbers = [number for (number,) in rows(path, "SELECT id_serv FROM servers ORDER BY 1")]
    assert numbers == list(range(1, 31))
    query = "SELECT id_reporte, recibido, hostname FROM servers WHERE id_serv = 21"
    assert rows(path, query) == [
        ("00000000-0000-0000-0000-0000000003fd", "2026-11-20 10:21:01.000000", "web-0")
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rebuilt.sqlite", "storage"]


def test_it_is_the_database_that_a_collector_would_have(
    storage: Path, tmp_path: Path, rows: Rows, log_body: LogBody
) -> None:
    rebuilt, live = tmp_path / "rebuilt.sqlite", tmp_path / "live.sqlite"
    from_log(rebuilt, storage)
    build(database_url(str(live)))
    engine = open_engine(database_url(str(live)))
    store = Store(rows=True)
    for number in range(1, 31):
        body, received = log_body(number)
        with engine.begin() as connection:
            store.store(connection, [entry_from_body(body)], received)
    engine.dispose()
    for query in EVERYTHING.values():
        assert rows(rebuilt, query) == rows(live, query)


def test_the_collector_knows_that_the_log_is_imported(
    storage: Path, tmp_path: Path, rows: Rows
) -> None:
    path = tmp_path / "rebuilt.sqlite"
    from_log(path, storage)
    packed = storage / "text" / "reportes-2026-11-20.jsonl.gz"
    plain = storage / "text" / "reportes-2026-11-21.jsonl"
    assert dict(rows(path, "SELECT * FROM bitacoras")) == {
        packed.name: packed.stat().st_size,
        plain.name: plain.stat().st_size,
    }


def test_reports_go_in_by_number(
    storage: Path, tmp_path: Path, rows: Rows, log_line: LogLine
) -> None:
    (storage / "text" / "reportes-2026-11-22.jsonl").write_bytes(
        b"".join(log_line(number) for number in (35, 33, 34))
    )
    path = tmp_path / "rebuilt.sqlite"
    from_log(path, storage)
    query = "SELECT DISTINCT id_serv FROM procesos WHERE id_serv > 30 ORDER BY id_proc"
    assert rows(path, query) == [(33,), (34,), (35,)]
    assert rows(path, "SELECT seq FROM sqlite_sequence WHERE name = 'servers'") == [(35,)]


def test_reports_without_a_number_get_those_that_follow(
    storage: Path, tmp_path: Path, rows: Rows, log_line: LogLine
) -> None:
    """As they did when the database that was away came back."""
    lines = [log_line(number, numbered=number not in (31, 33, 34)) for number in range(31, 36)]
    (storage / "text" / "reportes-2026-11-22.jsonl").write_bytes(b"".join(lines))
    path = tmp_path / "rebuilt.sqlite"
    assert from_log(path, storage) == (
        True,
        [f"{path}: creada desde {storage / 'text'}: 35 reportes"],
    )
    query = "SELECT id_serv, id_reporte FROM servers WHERE id_serv > 30 ORDER BY 1"
    assert rows(path, query) == [
        (number, f"00000000-0000-0000-0000-{1000 + number:012x}") for number in range(31, 36)
    ]


def test_damaged_lines_are_named_and_do_not_stop_the_rest(
    run: Run, storage: Path, tmp_path: Path, log_line: LogLine
) -> None:
    (storage / "text" / "reportes-2026-11-22.jsonl").write_bytes(
        log_line(31)
        + b"{half a line\n"
        + log_line(32, procesos="none")
        + b"\xff\n"
        + log_line(0)
        + log_line(33)
        + log_line(34)[:50]
    )
    done = run("--database", tmp_path / "new.sqlite", "--from-log", storage / "text")
    *complaints, summary = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.split(":")[1] for line in complaints] == [
        f" reportes-2026-11-22.jsonl, línea {number}" for number in (2, 3, 4, 5)
    ]
    assert "$.procesos: expected array, got str" in complaints[1]
    assert summary.endswith("32 reportes; 4 líneas dañadas, que no están en ella")


def test_a_cut_compressed_file_gives_what_is_left_of_it(
    storage: Path, tmp_path: Path, rows: Rows
) -> None:
    packed = storage / "text" / "reportes-2026-11-20.jsonl.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    path = tmp_path / "new.sqlite"
    well, lines = from_log(path, storage)
    assert not well
    assert packed.name in lines[0]
    assert rows(path, "SELECT count(*) FROM servers WHERE id_serv > 20") == [(10,)]


def test_a_report_that_is_there_twice_is_taken_once(
    storage: Path, tmp_path: Path, rows: Rows, log_line: LogLine
) -> None:
    (storage / "text" / "reportes-2026-11-22.jsonl").write_bytes(log_line(3) + log_line(31) * 2)
    path = tmp_path / "new.sqlite"
    well, lines = from_log(path, storage)
    assert well
    assert lines[-1].endswith("31 reportes; 2 repetidos, tomados una vez")
    assert rows(path, "SELECT count(*), max(id_serv) FROM servers") == [(31, 31)]


def test_two_reports_of_one_number_are_both_kept(
    storage: Path, tmp_path: Path, rows: Rows, log_line: LogLine
) -> None:
    other = log_line(3, id_reporte="00000000-0000-0000-0000-00000000ffff")
    (storage / "text" / "reportes-2026-11-22.jsonl").write_bytes(other + log_line(31))
    path = tmp_path / "new.sqlite"
    well, lines = from_log(path, storage)
    assert not well
    assert "línea 1: el número 3 lo tiene otro reporte; quedó como 32" in lines[0]
    query = "SELECT id_serv FROM servers WHERE id_reporte LIKE '%ffff'"
    assert rows(path, query) == [(32,)]


def test_an_existing_database_is_refused(run: Run, storage: Path, seed: Path) -> None:
    before = seed.read_bytes()
    done = run("--database", seed, "--from-log", storage / "text")
    assert done.returncode == 3
    assert f"{seed}: ya existe y no se sobrescribe" in done.stderr
    assert seed.read_bytes() == before


def test_what_another_database_left_is_not_mixed_in(storage: Path, tmp_path: Path) -> None:
    left = tmp_path / "new.sqlite-wal"
    left.write_bytes(b"pages of another one")
    with pytest.raises(DatabaseUnusableError, match=f"{left}: es de otra base de datos"):
        from_log(tmp_path / "new.sqlite", storage)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.sqlite-wal", "storage"]


@pytest.mark.parametrize("folder", ["none", "."])
def test_a_folder_without_a_log_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="bitácora"):
        rebuild(database_url(str(tmp_path / "new.sqlite")), tmp_path / folder)
    assert not list(tmp_path.glob("*.sqlite"))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_it_leaves_no_half_database(
    start: Start,
    when: When,
    storage: Path,
    tmp_path: Path,
    log_line: LogLine,
    ending: signal.Signals,
) -> None:
    long = storage / "text" / "reportes-2026-11-22.jsonl"
    long.write_bytes(b"".join(log_line(number) for number in range(31, 4_000)))
    path = tmp_path / "new.sqlite"
    partial = tmp_path / ".new.sqlite.parcial"
    process = start("--database", path, "--from-log", storage / "text")
    when(process, lambda: partial.exists() and partial.stat().st_size > 100_000)
    process.send_signal(ending)
    process.communicate()
    assert process.returncode == (-9 if ending == signal.SIGKILL else 130)
    assert not path.exists()
    assert partial.exists() == (ending == signal.SIGKILL)
    long.unlink()
    assert from_log(path, storage)[0]
    assert not partial.exists()


def test_rebuilt_and_checked_in_one_go(run: Run, storage: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    done = run("--database", path, "--from-log", storage / "text", "--check")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].endswith("dicen lo mismo")
