"""The real agent and the real collector: what runs here arrives, once, whatever happens."""

import getpass
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.agente.conftest import AgentRunner
from tests.conftest import CollectorProcess, NewCollector, wait_until
from tests.installation import odd_process

FAST = ("--cpu-percent", "100")


def to(collector: CollectorProcess) -> tuple[str, str]:
    return "--url", collector.url


def stored_ids(collector: CollectorProcess) -> list[str]:
    """The reports in the database, in the order of their numbers."""
    rows = collector.rows("SELECT id_reporte FROM servers ORDER BY id_serv")
    return [row["id_reporte"] for row in rows]


def waiting_ids(agent: AgentRunner) -> list[str]:
    """The reports in the spool, oldest first; their names say which they are."""
    names = sorted(path.name for path in agent.spool.glob("*.json.gz"))
    return [name.removesuffix(".json.gz").partition("-")[2] for name in names]


def assert_once(collector: CollectorProcess, wanted: list[str]) -> None:
    """Check that these arrived, and that whatever arrived is in both places once, in order."""
    stored = stored_ids(collector)
    assert sorted(set(stored)) == stored, "ids of reports grow with time"
    assert [line["id_reporte"] for line in collector.journal()] == stored
    assert set(wanted) <= set(stored)


def fill_spool(agent: AgentRunner, collector: CollectorProcess, count: int) -> list[str]:
    """Let the agent gather so many reports while nobody listens; gives their ids."""
    process = agent.start(*to(collector), *FAST, "--interval", "0.05")
    wait_until(lambda: len(waiting_ids(agent)) >= count, "too few reports in the spool")
    code, said = agent.stop(process)
    assert code == 0, said
    return waiting_ids(agent)


def test_one_shot_stores_what_runs_here(
    collector: CollectorProcess, agent: AgentRunner, tmp_path: Path
) -> None:
    ours = odd_process(tmp_path, "raro 'x' (y)\n; --ñ")
    try:
        before = snapshot()
        done = agent.run(*to(collector), "--once")
        after = snapshot()
    finally:
        ours.kill()
        ours.wait()
    assert done.returncode == 0, done.stderr
    rows = collector.rows("SELECT pid, name, username FROM procesos")
    stored = {(row["pid"], row["name"], row["username"]) for row in rows}
    assert (ours.pid, "raro 'x' (y)\n; --ñ", getpass.getuser()) in stored
    assert before & after <= stored


def snapshot() -> set[tuple[int, str, str]]:
    """The processes of this machine as psutil tells them; kernel workers change their names."""
    found = psutil.process_iter(["pid", "name", "username"])
    rows = [(p.info["pid"], p.info["name"], p.info["username"]) for p in found]
    return {row for row in rows if None not in row and not row[1].startswith("kworker/")}


def test_report_that_is_sent_again_is_stored_once(
    collector: CollectorProcess, agent: AgentRunner, tmp_path: Path
) -> None:
    collector.stop()
    assert agent.run(*to(collector), "--once").returncode == 1
    [report] = agent.spool.glob("*.json.gz")
    kept = shutil.copy(report, tmp_path)
    collector.start()
    assert agent.run(*to(collector), "--once").returncode == 0
    shutil.copy(kept, report)  # as if the answer had never come
    assert agent.run(*to(collector), "--once").returncode == 0
    assert waiting_ids(agent) == []
    assert_once(collector, [report.name.partition("-")[2].removesuffix(".json.gz")])
    assert len(stored_ids(collector)) == 3


def test_fifty_reports_outlive_an_outage_in_order(
    new_collector: NewCollector, agent: AgentRunner
) -> None:
    collector = new_collector()
    process = agent.start(*to(collector), *FAST, "--interval", "0.05")
    wait_until(lambda: len(waiting_ids(agent)) >= 50, "too few reports in the spool")
    waited = waiting_ids(agent)
    collector.start()
    wait_until(lambda: set(waited) <= set(stored_ids(collector)), "not all of them came")
    code, said = agent.stop(process)
    assert code == 0, said
    assert "reportes en espera" in said
    assert "vuelve a recibir" in said
    assert_once(collector, waited)


def test_agent_killed_while_it_delivers_loses_and_doubles_nothing(
    new_collector: NewCollector, agent: AgentRunner, long_run: bool
) -> None:
    collector = new_collector()
    waited = fill_spool(agent, collector, 200 if long_run else 40)
    collector.start()
    while left := len(waiting_ids(agent)):
        process = agent.start(*to(collector), *FAST, "--interval", "60")
        wait_for_spool(agent, max(0, left - random.randint(1, 8)))
        agent.stop(process, signal.SIGKILL)
    assert agent.run(*to(collector), "--once").returncode == 0
    assert_once(collector, waited)


def wait_for_spool(agent: AgentRunner, most: int) -> None:
    wait_until(lambda: len(waiting_ids(agent)) <= most, "nothing is delivered")


def test_collector_killed_while_the_agent_reports_loses_and_doubles_nothing(
    collector: CollectorProcess, agent: AgentRunner, long_run: bool
) -> None:
    process = agent.start(*to(collector), *FAST, "--interval", "0.05")
    seen: set[str] = set()
    for _ in range(30 if long_run else 3):
        wait_for_reports(collector, random.randint(1, 20))
        collector.kill()
        wait_until(lambda: len(waiting_ids(agent)) >= 3, "nothing waits")
        seen.update(waiting_ids(agent))
        collector.start()
    code, said = agent.stop(process)
    assert code == 0, said
    seen.update(waiting_ids(agent))
    assert agent.run(*to(collector), "--once").returncode == 0
    assert_once(collector, sorted(seen))


def wait_for_reports(collector: CollectorProcess, count: int) -> None:
    """Wait for so many more reports."""
    goal = len(collector.numbers()) + count
    wait_until(lambda: len(collector.numbers()) >= goal, "no reports")


def test_agent_that_is_told_to_stop_leaves_its_reports_to_the_next_run(
    collector: CollectorProcess, agent: AgentRunner
) -> None:
    process = agent.start(*to(collector), *FAST, "--interval", "0.05")
    wait_for_reports(collector, 5)
    collector.stop()
    wait_until(lambda: waiting_ids(agent), "nothing waits")
    code, said = agent.stop(process)
    assert code == 0, said
    left = waiting_ids(agent)
    collector.start()
    assert agent.run(*to(collector), "--once").returncode == 0
    assert_once(collector, left)


def test_check_says_what_a_real_collector_lets_it_do(
    collector: CollectorProcess, agent: AgentRunner
) -> None:
    done = agent.run(*to(collector), "--check")
    assert done.returncode == 0, done.stdout
    assert "deja entrar a este agente" in done.stdout
    collector.stop()
    done = agent.run(*to(collector), "--check")
    assert done.returncode == 1
    assert "FALLA" in done.stdout
    assert collector.numbers() == [], "a check stores nothing"


def test_second_agent_with_the_same_spool_says_so(
    collector: CollectorProcess, agent: AgentRunner
) -> None:
    process = agent.start(*to(collector), "--interval", "60")
    wait_until(lambda: agent.spool.exists() and is_taken(agent, collector), "the spool is free")
    assert process.poll() is None


def is_taken(agent: AgentRunner, collector: CollectorProcess) -> bool:
    done: subprocess.CompletedProcess[Any] = agent.run(*to(collector), "--once")
    return done.returncode == 3 and "otro agente usa el spool" in done.stderr
