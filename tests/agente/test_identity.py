"""Who an installation is: made once, bound to its machine."""

import json
import stat
from pathlib import Path

import identity
import pytest

from tests.agente.conftest import AgentRunner, needs_namespaces

HERE, THERE = "0123456789abcdef" * 2, "fedcba9876543210" * 2


def test_an_identity_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    made, note = identity.load(tmp_path, HERE)
    assert identity.load(tmp_path, HERE) == (made, "")
    assert note == ""
    assert stat.S_IMODE((tmp_path / identity.FILE).stat().st_mode) == 0o600


def test_on_a_clone_a_new_identity_is_made_and_said(tmp_path: Path) -> None:
    first, _ = identity.load(tmp_path, HERE)
    second, note = identity.load(tmp_path, THERE)
    assert second.id_agente != first.id_agente
    assert first.id_agente in note
    assert second.id_agente in note
    assert identity.load(tmp_path, THERE) == (second, "")


def test_without_a_machine_id_the_identity_stays(tmp_path: Path) -> None:
    made, _ = identity.load(tmp_path, "")
    assert identity.load(tmp_path, "")[0] == made
    adopted, note = identity.load(tmp_path, HERE)
    assert (adopted.id_agente, adopted.machine_id, note) == (made.id_agente, HERE, "")
    assert identity.load(tmp_path, "")[0] == adopted


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"id_agente": "../../x"}', b"\xff\0"])
def test_a_damaged_identity_is_kept_aside_and_a_new_one_made(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / identity.FILE).write_bytes(damage)
    made, note = identity.load(tmp_path, HERE)
    assert "dañado" in note
    assert (tmp_path / "identidad-dañada.json").read_bytes() == damage
    assert identity.load(tmp_path, HERE) == (made, "")


@pytest.mark.parametrize(
    ("text", "machine_id"),
    [(HERE + "\n", HERE), ("uninitialized\n", ""), ("", ""), (HERE[:-1], ""), (HERE.upper(), HERE)],
)
def test_only_a_machine_id_counts_as_one(text: str, machine_id: str) -> None:
    assert identity.parse_machine_id(text) == machine_id


def test_the_first_file_that_has_a_machine_id_counts(tmp_path: Path) -> None:
    other = tmp_path / "dbus"
    other.write_text(THERE)
    assert identity.read_machine_id((tmp_path / "missing", other)) == THERE
    assert identity.read_machine_id((tmp_path / "missing",)) == ""


@needs_namespaces
@pytest.mark.skipif(not Path("/etc/machine-id").exists(), reason="no machine-id to stand in for")
def test_an_agent_on_a_cloned_disk_says_so(agent: AgentRunner) -> None:
    first = agent.printed()
    other = agent.folder / "machine-id"
    other.write_text(THERE)
    script = f'mount --bind {other} /etc/machine-id && exec "$@"'
    run = agent.run("--print", prefix=("unshare", "-m", "sh", "-c", script, "sh"))
    assert run.returncode == 0
    assert "copia" in run.stderr
    assert str(first["id_agente"]) not in run.stdout


def test_two_first_runs_at_once_are_one_installation(agent: AgentRunner) -> None:
    runs = [agent.start("--print") for _ in range(4)]
    made = {json.loads(run.communicate(timeout=30)[0])["id_agente"] for run in runs}
    assert len(made) == 1


def test_a_state_folder_that_can_not_be_written_is_told_in_one_line(agent: AgentRunner) -> None:
    agent.state.write_text("a file")
    run = agent.run("--once")
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert str(agent.state) in run.stderr
