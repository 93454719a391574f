"""The running collector removes what is past its days; a start doesn't bring it back."""

import gzip
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import nursery
from tests.conftest import DEADLINE_S, CollectorProcess, make_report, wait_until

NewCollector = Callable[..., CollectorProcess]
DAYS = ("--dias", "30", "--dias-periodos", "30")


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def report_of(agent: str, days: float, **changes: Any) -> dict[str, Any]:
    return make_report(id_agente=agent, fecha_hora=days_ago(days), **changes)


def createdb(collector: CollectorProcess, *options: str) -> "subprocess.CompletedProcess[str]":
    _, _, *arguments = command(collector, *options)
    return nursery.run(nursery.DATABASE, arguments, timeout=DEADLINE_S)


def command(collector: CollectorProcess, *options: str) -> list[str]:
    program = [sys.executable, str(nursery.DATABASE), *options]
    places = ["--database", collector.database_url, "--storage", str(collector.storage)]
    return [*program, *places]


@pytest.mark.sqlite
def test_start_does_not_bring_back_what_was_removed(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    agent = str(uuid.uuid4())
    for days in (60, 50, 1):
        assert collector.post(report_of(agent, days)).status_code == 201
    assert collector.stop() == 0
    collector.options = DAYS
    collector.start()
    wait_until(lambda: collector.numbers() == [3], "nothing was removed")
    late = report_of(agent, 55)
    assert collector.post(late).status_code == 201
    collector.kill()
    collector.execute("DELETE FROM bitacoras")
    collector.start()
    wait_until(lambda: collector.numbers() == [3], "something came back")
    assert collector.stop() == 0
    assert len(collector.journal()) == 4
    checked = createdb(collector, "--check")
    assert checked.returncode == 0, checked.stdout
    assert "nota: 3 reportes de la bitácora que la limpieza borró" in checked.stdout


@pytest.mark.sqlite
def test_lost_report_is_still_missed(new_collector: NewCollector) -> None:
    collector = new_collector(*DAYS).start()
    agent = str(uuid.uuid4())
    for days in (60, 3, 2, 1):
        collector.post(report_of(agent, days))
    collector.stop()
    createdb(collector, "--housekeeping", *DAYS)
    assert collector.numbers() == [2, 3, 4]
    collector.start()
    for days, missing in ((45, {"reportes"}), (1, set())):
        told = collector.get(f"/agentes/{agent}/estado", params={"en": days_ago(days)}).json()
        assert set(told["borrado_hasta"]) == missing
        for name in ("servers", "procesos", "usuarios_activos"):
            listed = collector.get(f"/{name}", params={"en": days_ago(days)}).json()
            assert set(listed.get("borrado_hasta", ())) == missing
    collector.stop()
    for table in ("procesos", "usuarios_activos", "servers"):
        collector.execute(f"DELETE FROM {table} WHERE id_serv = 3")  # noqa: S608 - ours
    checked = createdb(collector, "--check")
    assert checked.returncode == 1
    assert "falta en la base: 1)" in checked.stdout


def test_old_log_goes_and_stays_away(new_collector: NewCollector) -> None:
    collector = new_collector("--dias-bitacora", "30").start()
    collector.post(make_report())
    collector.stop()
    text = collector.storage / "text"
    [today] = text.iterdir()
    line = json.loads(today.read_bytes())
    line |= {"recibido": days_ago(40), "id_serv": 7, "id_reporte": str(uuid.uuid4())}
    old = text / f"reportes-{days_ago(40)[:10]}.jsonl.gz"
    old.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    collector.start()
    wait_until(lambda: not old.exists(), "the file is still there")
    wait_until(lambda: len(collector.rows("SELECT 1 FROM bitacoras")) == 1, "its row is there")
    collector.kill()
    plain = old.with_suffix("").name
    collector.execute(f"INSERT INTO bitacoras VALUES ('{plain}', 9)")  # noqa: S608 - ours
    collector.start()
    assert collector.numbers() == [1, 7]
    assert list(text.iterdir()) == [today]
    collector.stop()
    checked = createdb(collector, "--check")
    assert checked.returncode == 0, checked.stdout
    assert "nota: 1 reporte de la base cuya bitácora borró la limpieza" in checked.stdout


def fewer_than(collector: CollectorProcess, number: int) -> bool:
    return len(collector.numbers()) < number


def many_processes(number: int) -> list[dict[str, Any]]:
    return [
        {"pid": pid, "name": f"p{(pid + number) % 90}", "username": "root"} for pid in range(200)
    ]


@pytest.fixture
def filled(new_collector: NewCollector) -> CollectorProcess:
    """A stopped collector with 160 old reports of four servers."""
    collector = new_collector().start()
    agents = [str(uuid.uuid4()) for _ in range(4)]

    def post(number: int) -> int:
        days = 100 - number / 10
        own = {"procesos": many_processes(number)}
        return collector.post(report_of(agents[number % 4], days, **own)).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(160))) == {201}
    collector.stop()
    return collector


@pytest.mark.sqlite
def test_reports_come_in_meanwhile(filled: CollectorProcess) -> None:
    """They are stored between its steps, of which there are many: none waits until all is done."""
    filled.options = DAYS
    filled.start()
    month_ago, left = (datetime.now(UTC) - timedelta(days=30)).timestamp() * 1_000, [-1]
    while left[-1]:
        assert filled.post(make_report()).status_code == 201
        [old] = filled.rows("SELECT count(*) AS periods FROM periodos WHERE hasta < ?", month_ago)
        left.append(old["periods"])
        assert len(left) < 5_000, "the old periods are still there"
    assert len(set(left)) > 8
    assert len(filled.numbers()) == 3 + len(left)
    wait_until(lambda: filled.rows("PRAGMA freelist_count")[0]["freelist_count"] == 0, "pages")
    filled.stop()
    assert filled.rows("PRAGMA foreign_key_check") == []


@pytest.mark.sqlite
def test_killed_half_way_the_next_one_goes_on(filled: CollectorProcess, tmp_path: Path) -> None:
    whole = CollectorProcess(tmp_path / "whole")
    whole.database.parent.mkdir(parents=True)
    copied = createdb(filled, "--snapshot", str(whole.database))
    assert copied.returncode == 0, copied.stderr
    dry = createdb(filled, "--housekeeping", "--dry-run", *DAYS)
    assert "se borrarían: 156 reportes" in dry.stdout
    for left in (130, 70):
        killed = subprocess.Popen(command(filled, "--housekeeping", *DAYS))
        wait_until(partial(fewer_than, filled, left), "nothing is removed")
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
        assert filled.rows("PRAGMA foreign_key_check") == []
        counts = filled.rows("SELECT count(*) AS n FROM procesos GROUP BY id_serv")
        assert {row["n"] for row in counts} == {200}
    for collector in (filled, whole):
        done = createdb(collector, "--housekeeping", *DAYS)
        assert done.returncode == 0, done.stderr
    for table in ("servers", "procesos", "periodos", "hechos", "presencias", "momentos"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2, 3"  # noqa: S608 - ours
        if table in ("presencias", "momentos"):
            query = query.removesuffix(", 3")
        assert filled.rows(query) == whole.rows(query), table
    # Which pages a killed run had freed decides where rows lie: a page more or less, no more.
    sizes = [side.database.stat().st_size for side in (filled, whole)]
    assert abs(sizes[0] - sizes[1]) <= 4 * 4096


@pytest.mark.parametrize("dias", ["0", "91"])
def test_periods_must_outlast_reports(new_collector: NewCollector, dias: str) -> None:
    done = createdb(new_collector(), "--housekeeping", "--dias", dias, "--dias-periodos", "90")
    assert done.returncode == 2
    assert "dias_periodos = 90 es menos" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_settings_nothing_goes(new_collector: NewCollector) -> None:
    done = createdb(new_collector(), "--housekeeping")
    assert done.stdout.startswith("nada que borrar")
