"""The real agent and the real collector: a miner on this machine is noticed, and its end too."""

import getpass
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.agente.conftest import AgentRunner
from tests.conftest import CollectorProcess, wait_until

MINING = """
    SELECT veredicto, evidencia_ultima, evidencia, hasta FROM historial_cumplimiento
    WHERE id_politica = 'mineros' ORDER BY desde
"""


def test_a_miner_is_noticed_and_so_is_its_end(
    collector: CollectorProcess, agent: AgentRunner, tmp_path: Path
) -> None:
    process = agent.start("--url", collector.url, "--cpu-percent", "100", "--interval", "1")
    wait_until(lambda: verdicts(collector) == ["cumple"], "the first report is judged")
    program = tmp_path / "xmrig"
    shutil.copy(str(shutil.which("sleep")), program)
    miner = subprocess.Popen([program, "600"])
    try:
        wait_until(lambda: verdicts(collector) == ["cumple", "no_cumple"], "the miner is noticed")
        [_, row] = collector.rows(MINING)
        wanted = {"pid": miner.pid, "name": "xmrig", "username": getpass.getuser()}
        assert json.loads(row["evidencia"]) == [wanted]
        assert row["hasta"] is None
    finally:
        miner.kill()
        miner.wait()
    wait_until(lambda: verdicts(collector) == ["cumple", "no_cumple", "cumple"], "its end, too")
    agent.stop(process)


def verdicts(collector: CollectorProcess) -> list[Any]:
    return [row["veredicto"] for row in collector.rows(MINING)]
