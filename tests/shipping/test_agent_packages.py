"""The agent as it is shipped, in a Debian that has Python and nothing else."""

import re
from pathlib import Path

from tests.conftest import ROOT, CollectorProcess, wait_until
from tests.shipping.conftest import NewVersion
from tests.shipping.guide import NEXT, VERSION, commands
from tests.shipping.machine import Machine, build

STATE = "var/lib/compliance-agente"


def substituted(text: str, collector: CollectorProcess) -> str:
    """The command with our collector for the reader's."""
    for found, instead in {
        "ip = 10.20.0.5": f"ip = 127.0.0.1/; s/^puerto = .*/puerto = {collector.port}",
        "10.20.0.5:8080": f"127.0.0.1:{collector.port}",
    }.items():
        text = text.replace(found, instead)
    return text


def agents(collector: CollectorProcess) -> list[tuple[str, str]]:
    rows = collector.rows("SELECT id_agente, version_agente FROM agentes ORDER BY hostname")
    return [(row["id_agente"], row["version_agente"]) for row in rows]


def test_the_same_sources_give_the_same_bytes(
    agent_files: tuple[Path, Path], tmp_path: Path
) -> None:
    for first, again in zip(agent_files, build("build_agent.sh", tmp_path), strict=True):
        assert first.name == again.name
        assert first.read_bytes() == again.read_bytes()
        assert first.stat().st_size < 2_000_000


def test_one_file_reports_where_there_is_python_alone(
    agent_files: tuple[Path, Path], machine: Machine, shared_collector: CollectorProcess
) -> None:
    machine.has(agent_files[0])
    version, report = substituted(commands(".pyz")[0], shared_collector).splitlines()
    assert machine.types(version).startswith(f"compliance-agente {VERSION}, Python 3.11.")
    before = len(shared_collector.numbers())
    machine.types(report)
    assert len(shared_collector.numbers()) == before + 1
    assert (machine / "root/estado/identidad.json").exists()


def test_one_file_for_another_python_says_so(machine: Machine, tmp_path: Path) -> None:
    made = build("build_agent.sh", tmp_path, ROOT, "--python", "3.13")[0]
    machine.has(made)
    done = machine.run(f"./{made.name} --version")
    assert done.returncode == 2
    assert re.fullmatch(r"agente: .*Python 3\.13.*; aquí hay Python 3\.11.*\n", done.stderr)


def test_package_from_installation_to_purge(
    agent_files: tuple[Path, Path],
    new_version: NewVersion,
    machine: Machine,
    tmp_path: Path,
    collector: CollectorProcess,
) -> None:
    """What the guide says, in its order: the same agent goes on all the while."""
    newer = build("build_agent.sh", tmp_path, new_version(NEXT))[1]
    machine.has(agent_files[1], newer)
    install, configure, change, remove = (
        substituted(text, collector) for text in commands("compliance-agente")
    )
    assert "systemctl enable --now" in machine.types(install)
    assert not machine.services()
    machine.types("sed -i 's/^intervalo = .*/intervalo = 0.2/' /etc/compliance/agente.ini")
    assert "FALLA" not in machine.types(configure)
    [identity] = wait_until(lambda: agents(collector), machine.logs())
    assert identity[1] == VERSION
    settings = (machine / "etc/compliance/agente.ini").read_text()

    upgrade, back = change.splitlines()
    for command, version in ((upgrade, NEXT), (back, VERSION)):
        machine.types(command)
        wait_until(lambda: agents(collector) == [(identity[0], version)], machine.logs())  # noqa: B023
    assert (machine / "etc/compliance/agente.ini").read_text() == settings

    assert_removed(machine, collector, *remove.splitlines())


def assert_removed(machine: Machine, collector: CollectorProcess, remove: str, purge: str) -> None:
    """Remove the package while the collector is away: what was gathered stays until the purge."""
    collector.stop()
    wait_until(lambda: list((machine / STATE / "spool").glob("*.gz")), "nothing waits")
    assert "/var/lib/compliance-agente" in machine.types(remove)
    assert not machine.running()
    assert list((machine / STATE / "spool").glob("*.gz"))
    assert (machine / "etc/compliance/agente.ini").exists()
    assert not (machine / "usr/lib/compliance-agente").exists()
    machine.types(purge)
    assert not (machine / STATE).exists()
    assert not (machine / "etc/compliance").exists()
    assert "compliance" not in (machine / "etc/passwd").read_text()
