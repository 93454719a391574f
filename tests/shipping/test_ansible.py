"""The Ansible role, played on a bare Debian."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, CollectorProcess, NewCollector, wait_until
from tests.enrolment import ELSEWHERE, new_secret
from tests.shipping.machine import Machine

INTO_THE_TREE = """#!/bin/sh
umask 077  # as root has it on hardened servers
mkdir -p "{tree}{files}"
exec unshare --mount sh -c 'mount -t proc proc {tree}/proc && mount --bind {files} {tree}{files} &&
    exec chroot {tree} /usr/bin/python3 "$@"' sh "$@"
"""


class Player:
    """Plays deploy/ansible/site.yml on a tree, as on the machine that Ansible runs on."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.folder, self.files = folder, folder / "files"
        self.said = ""
        """What Ansible wrote: each command that it ran, too."""
        self.files.mkdir()
        python = folder / "python"
        python.write_text(INTO_THE_TREE.format(tree=machine.tree, files=self.files))
        python.chmod(0o755)
        self.inventory = folder / "inventory.yml"
        variables = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        self.inventory.write_text(yaml.dump({"all": {"hosts": {"localhost": variables}}}))

    def play(self, **variables: object) -> dict[str, int]:
        """Play it; give how many tasks were well, changed something, failed."""
        given = self.folder / "variables.yml"
        given.write_text(yaml.dump(variables | {"ansible_become": False}))
        program = Path(sys.executable).with_name("ansible-playbook")
        site = ROOT / "deploy/ansible/site.yml"
        done = subprocess.run(
            [program, "-vvv", "-i", self.inventory, "-e", f"@{given}", site],
            check=False, capture_output=True, text=True, timeout=180,
            env=os.environ | {"ANSIBLE_REMOTE_TMP": str(self.files), "ANSIBLE_PIPELINING": "1",
                              "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
                              "ANSIBLE_HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        assert done.returncode == 0, self.said
        return {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", done.stdout)}


@pytest.fixture
def closed_collector(new_collector: NewCollector) -> CollectorProcess:
    """A collector that every server has to enrol at."""
    return new_collector(*ELSEWHERE).start()


def test_the_role_enrols_and_starts_and_then_changes_nothing(
    agent_files: tuple[Path, Path],
    machine: Machine,
    closed_collector: CollectorProcess,
    tmp_path: Path,
) -> None:
    player = Player(machine, tmp_path)
    variables = {
        "compliance_agente_archivo": str(agent_files[0]),
        "compliance_agente_url": closed_collector.url,
        "compliance_agente_alta": new_secret(closed_collector),
        "compliance_agente_intervalo": 0.5,
        "compliance_agente_ajustes": {"spool_mib": 8},
    }
    assert player.play(**variables)["changed"] > 5
    assert "EXEC" in player.said
    assert str(variables["compliance_agente_alta"]) not in player.said
    wait_until(closed_collector.numbers, machine.logs())
    assert closed_collector.rows("SELECT 1 FROM credenciales")
    [pid] = machine.services()
    code = machine / "usr/local/lib/compliance-agente"
    assert all(path.lstat().st_uid == 0 for path in code.rglob("*"))

    assert player.play(**variables)["changed"] == 0
    assert machine.services() == [pid]
    assert machine.types("compliance-agente --check").count("FALLA") == 0
