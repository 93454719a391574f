"""The rhythm, and being a good guest."""

import math
import os
import resource
import signal
import subprocess
import sys
import threading
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from cycle import next_beat
from deadline import call_within
from guest import BURST, Budget, Watch

from tests.agente.collector import ScriptedCollector
from tests.agente.conftest import AgentRunner, wait_for


def test_beats_come_from_the_first_so_they_do_not_drift() -> None:
    now, beats = 0.0, []
    for work in (0.3, 0.9, 0.1, 0.5):
        beats.append(next_beat(7.0, 10.0, now))
        now = beats[-1] + work
    assert beats == [7.0, 17.0, 27.0, 37.0]


def test_missed_beats_are_skipped_not_stacked() -> None:
    assert next_beat(7.0, 10.0, 48.0) == 57.0
    assert next_beat(7.0, 10.0, 47.0) == 57.0


def test_the_endless_run_keeps_its_rhythm(agent: AgentRunner, collector: ScriptedCollector) -> None:
    """One that rested for its interval after each report would be later each time.

    How late a beat is depends on what else the machine does, but not always more than the last.
    """
    process = agent.start("--url", collector.url, "--interval", "0.25", "--cpu-percent", "100")
    wait_for(lambda: len(collector.accepted) >= 10)
    agent.stop(process)
    moments = [
        datetime.fromisoformat(report["fecha_hora"]).timestamp() for report in collector.accepted
    ]
    gaps = [after - before for before, after in pairwise(moments)]
    later = [math.remainder(gap, 0.25) for gap in gaps]
    assert min(later) < 0, gaps


def test_a_stop_while_gathering_leaves_the_report_in_the_spool(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.close()
    process = agent.start("--url", collector.url, "--interval", "0.05", "--cpu-percent", "100")
    wait_for(lambda: len(list(agent.spool.glob("*.gz"))) > 3)
    code, _ = agent.stop(process, signal.SIGTERM)
    assert code == 0
    reports = agent.waiting()
    assert [r["id_reporte"] for r in reports] == sorted(r["id_reporte"] for r in reports)


def test_a_budget_is_a_share_with_a_burst() -> None:
    now, worked = [0.0], [0.0]
    budget = Budget(0.1, worked=lambda: worked[0], clock=lambda: now[0])
    worked[0] = BURST
    assert budget.debt() == 0
    worked[0] += 0.5
    assert budget.debt() == pytest.approx(5.0)
    now[0] += 5.0
    assert budget.debt() == pytest.approx(0.0)
    now[0] += 1000
    worked[0] += BURST + 0.1
    assert budget.debt() == pytest.approx(1.0)


def test_work_beyond_the_share_rests() -> None:
    now, worked = [0.0], [0.0]
    rests: list[float] = []
    budget = Budget(0.5, worked=lambda: worked[0], clock=lambda: now[0])
    budget.pace(rests.append)
    worked[0] = BURST + 0.25
    budget.pace(rests.append)
    worked[0] += 100
    budget.pace(rests.append, longest=2.0)
    assert rests == [pytest.approx(0.5), 2.0]


def test_limits_that_were_not_kept_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    worked = [0.0]
    budget = Budget(0.1, worked=lambda: worked[0], clock=lambda: 0.0)
    watch = Watch(1, budget)
    worked[0] = BURST + 5
    for _ in range(3):
        watch.look()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "memoria" in said[0]
    assert "procesador" in said[1]


def test_the_agent_runs_niced_and_limited(agent: AgentRunner, collector: ScriptedCollector) -> None:
    process = agent.start("--url", collector.url, "--interval", "0.2", "--memory-mib", "100")
    wait_for(lambda: collector.accepted)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    assert resource.prlimit(process.pid, resource.RLIMIT_DATA)[0] == 100 << 20
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 60 * 1024
    assert agent.stop(process) == (0, "")


def test_the_least_memory_that_can_be_set_is_enough(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    run = agent.run("--url", collector.url, "--once", "--memory-mib", "48")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_priority_that_can_not_be_had_is_said(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import guest\n"
        "def refuse(n): raise PermissionError(1, 'Operation not permitted')\n"
        "os.nice = refuse; guest.lower_priority(5); guest.resource.setrlimit = refuse\n"
        "guest.resource.setrlimit = lambda *a: refuse(0); guest.limit_memory(64)\n"
    )
    folder = Path(__file__).resolve().parents[2] / "agente"
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, cwd=tmp_path,
        check=True,
    )  # fmt: skip
    assert run.stderr.count("no puedo") == 2


def test_a_call_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError):
        call_within(0.05, lambda: release.wait(20))
    release.set()
    assert call_within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        call_within(5, lambda: dict[str, int]()["x"])
