"""A start brings the JSON log and the database together, whatever the last run left behind."""

import gzip
import json
import shutil

import pytest

from tests.conftest import CollectorProcess, NewCollector, make_report, wait_until
from tests.e2e.test_crash import assert_whole, numbered_report


def test_half_a_line_is_cut_off_at_start(collector: CollectorProcess) -> None:
    collector.post(make_report())
    collector.kill()
    [log] = (collector.storage / "text").iterdir()
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:50])
    collector.start()
    assert log.read_bytes() == whole
    assert "half a line cut off" in collector.log


def test_what_only_the_log_has_is_brought_in_once(collector: CollectorProcess) -> None:
    reports = [numbered_report(3) for _ in range(3)]
    for report in reports:
        collector.post(report)
    collector.kill()
    forget_last(collector, 2)
    collector.start()
    numbers = collector.numbers()
    # On PostgreSQL what comes back from the log is given another number.
    assert numbers == [1, 2, 3] or (collector.postgresql and len(numbers) == 3)
    assert collector.post(reports[2]).json() == {"id_serv": numbers[2]}
    assert collector.post(make_report()).json()["id_serv"] > numbers[2]
    collector.kill()
    collector.start()
    assert len(collector.numbers()) == 4
    assert len(collector.journal()) == 4


def forget_last(collector: CollectorProcess, number: int) -> None:
    """Take the last reports out of the database, as if their commit had never come."""
    lines = collector.journal()
    [log] = (collector.storage / "text").iterdir()
    position = sum(len(line) for line in log.read_bytes().splitlines(True)[:-number])
    last = lines[-number - 1]["id_serv"]
    for table in tables_of(collector):
        collector.execute(f"DELETE FROM {table} WHERE id_serv > ?", last)  # noqa: S608 - ours
    collector.execute("UPDATE bitacoras SET posicion = ?", position)
    if not collector.postgresql:
        collector.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'servers'", last)


def tables_of(collector: CollectorProcess) -> list[str]:
    """Name the tables that say which reports there are."""
    tables = ["agentes", "procesos", "usuarios_activos", "servers"]
    return [*tables, "reportes"] if collector.postgresql else tables


def test_what_only_the_database_has_is_written_to_the_log(collector: CollectorProcess) -> None:
    for _ in range(3):
        collector.post(make_report())
    collector.kill()
    [log] = (collector.storage / "text").iterdir()
    first, second, third = log.read_bytes().splitlines(True)
    log.write_bytes(first + third)
    collector.start()
    lines = collector.journal()
    assert sorted(line["id_serv"] for line in lines) == [1, 2, 3]
    restored = lines[-1]
    assert restored["id_serv"] == 2
    original = json.loads(second)
    assert restored["id_reporte"] == original["id_reporte"]
    assert restored["recibido"] == original["recibido"]
    assert restored["reporte"]["usuarios_activos"] == original["reporte"]["usuarios_activos"]


def test_reports_without_a_number_are_not_written_to_the_log_again(
    collector: CollectorProcess,
) -> None:
    """They came while the database was away, which numbered them later."""
    for _ in range(3):
        collector.post(make_report())
    collector.kill()
    [log] = (collector.storage / "text").iterdir()
    first, second, third = log.read_bytes().splitlines(True)
    kept = second.replace(b'"id_serv":2,', b'"id_serv":null,')
    log.write_bytes(first + kept)
    collector.start()
    assert [line["id_serv"] for line in collector.journal()] == [1, None, 3]
    assert collector.last_line()["id_reporte"] == json.loads(third)["id_reporte"]


def test_new_database_is_filled_from_the_log(
    collector: CollectorProcess, new_collector: NewCollector
) -> None:
    reports = [numbered_report(3) for _ in range(3)]
    for report in reports:
        collector.post(report)
    collector.stop()
    other = new_collector()
    shutil.copytree(collector.storage / "text", other.storage / "text")
    other.start()
    assert_whole(other, {report["id_reporte"]: n for n, report in enumerate(reports, 1)})


def test_damaged_line_is_named_and_passed_over(collector: CollectorProcess) -> None:
    reports = [make_report() for _ in range(3)]
    for report in reports:
        collector.post(report)
    collector.kill()
    [log] = (collector.storage / "text").iterdir()
    lines = log.read_bytes().splitlines(True)
    lines[1] = b'{"recibido": "nunca"}\n'
    log.write_bytes(b"".join(lines))
    forget_all(collector)
    collector.start()
    assert stored(collector) == [reports[0]["id_reporte"], reports[2]["id_reporte"]]
    assert "damaged line" in collector.log
    assert log.name in collector.log


def forget_all(collector: CollectorProcess) -> None:
    for table in (*tables_of(collector), "bitacoras"):
        collector.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own


def stored(collector: CollectorProcess) -> list[str]:
    rows = collector.rows("SELECT id_reporte FROM servers ORDER BY id_serv")
    return [row["id_reporte"] for row in rows]


def test_log_of_past_days_is_compressed_and_read_back(
    collector: CollectorProcess,
) -> None:
    for _ in range(2):
        collector.post(make_report())
    collector.stop()
    [log] = (collector.storage / "text").iterdir()
    text = log.read_bytes()
    past = log.with_name("reportes-2026-01-02.jsonl")
    log.rename(past)
    forget_all(collector)
    collector.start()
    packed = past.with_name(past.name + ".gz")
    wait_until(lambda: packed.exists() and not past.exists(), "the past day is not compressed")
    assert gzip.decompress(packed.read_bytes()) == text
    assert len(collector.numbers()) == 2
    collector.stop()
    forget_all(collector)
    collector.start()
    assert len(collector.numbers()) == 2


def test_compressed_day_that_grew_is_read_again(collector: CollectorProcess) -> None:
    """The clock was set back after it was compressed, and the database is an older copy."""
    reports = [make_report() for _ in range(2)]
    for report in reports:
        collector.post(report)
    collector.stop()
    [log] = (collector.storage / "text").iterdir()
    first, second = log.read_bytes().splitlines(True)
    log.unlink()
    packed = log.with_name("reportes-2026-01-02.jsonl.gz")
    packed.write_bytes(gzip.compress(first))
    forget_all(collector)
    collector.start()
    assert stored(collector) == [reports[0]["id_reporte"]]
    collector.stop()
    packed.write_bytes(gzip.compress(first) + gzip.compress(second))
    collector.start()
    assert stored(collector) == [report["id_reporte"] for report in reports]


@pytest.mark.sqlite
def test_clean_stop_leaves_everything_in_one_file(collector: CollectorProcess) -> None:
    """What a -wal holds is missing from a copy of the database alone."""
    collector.post(make_report())
    assert collector.get("/servers").status_code == 200
    assert collector.stop() == 0
    assert list(collector.database.parent.iterdir()) == [collector.database]
