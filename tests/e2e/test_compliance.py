"""The real agent and the real collector: a miner on this machine is told of, and its end too."""

import getpass
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agente.conftest import AgentRunner
from tests.alerts.receivers import Receiver, write_file
from tests.conftest import CollectorProcess, NewCollector, wait_until

MINING = """
    SELECT veredicto, evidencia_ultima, evidencia, hasta FROM historial_cumplimiento
    WHERE id_politica = 'mineros' ORDER BY desde
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().up() as receiver:
        yield receiver


@pytest.mark.both_databases
@pytest.mark.usefixtures("only_miner")
def test_a_miner_is_noticed_and_so_is_its_end(
    new_collector: NewCollector, agent: AgentRunner, tmp_path: Path, receiver: Receiver
) -> None:
    miners = [{"canales": ["gancho"], "politicas": ["mineros"]}]
    file = write_file(tmp_path, receiver.url, reglas=miners)
    collector = new_collector("--alertas", str(file)).start()
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
        [first] = receiver.wait_for(1)
        [alert] = first.json["alertas"]
        assert (alert["estado"], alert["evidencia"]) == ("abierta", [wanted])
        assert first.json["resumen"].startswith(f"CRÍTICA: {alert['hostname']} no cumple: ")
    finally:
        miner.kill()
        miner.wait()
    wait_until(lambda: verdicts(collector) == ["cumple", "no_cumple", "cumple"], "its end, too")
    [_, second] = receiver.wait_for(2)
    [over] = second.json["alertas"]
    assert (over["id_alerta"], over["estado"], over["resolucion"]) == (
        alert["id_alerta"], "resuelta", "cumple"
    )  # fmt: skip
    agent.stop(process)


def verdicts(collector: CollectorProcess) -> list[Any]:
    return [row["veredicto"] for row in collector.rows(MINING)]
