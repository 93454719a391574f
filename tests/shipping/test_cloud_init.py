"""The cloud-init snippet: as its schema wants it, and what it does to a bare Debian."""

import hashlib
import shlex
import subprocess
from pathlib import Path
from typing import Any

import yaml

from API.app.door.certificates import ca_fingerprint
from API.app.settings import load_settings
from tests.conftest import ROOT, NewCollector, program, wait_until
from tests.enrolment import new_secret
from tests.shipping.machine import Machine

SNIPPET = ROOT / "deploy" / "cloud-init" / "agente.yaml"
ZEROS = "0" * 64


def test_the_snippet_is_as_cloud_init_wants_it() -> None:
    done = subprocess.run(
        [program("cloud-init"), "schema", "--config-file", SNIPPET],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_enrols_and_reports_from_its_first_boot(
    agent_files: tuple[Path, Path], machine: Machine, new_collector: NewCollector
) -> None:
    collector = new_collector("--tls-self-signed", "--redes-sin-token", "192.0.2.0/24").start()
    fingerprint = ca_fingerprint(load_settings(collector.command()[2:], {}))
    text = SNIPPET.read_text()
    for found, own in {
        "https://compliance.example.net:8080": collector.url,
        f"HUELLA={ZEROS}": f"HUELLA={fingerprint}",
        "alta_...": f"{new_secret(collector)}\n      COMPLIANCE_AGENTE_INTERVALO=0.5",
        f"{ZEROS}  ": f"{hashlib.sha256(agent_files[1].read_bytes()).hexdigest()}  ",
    }.items():
        assert found in text
        text = text.replace(found, own)
    machine.has(agent_files[1])
    stand_in_curl(machine, agent_files[1].name)
    boot(machine, yaml.safe_load(text))
    wait_until(collector.numbers, machine.logs())
    assert collector.rows("SELECT 1 FROM credenciales")
    check = machine.types("compliance-agente --check")
    assert f"colector {collector.url}" in check
    assert "FALLA" not in check


def stand_in_curl(machine: Machine, package: str) -> None:
    """There is no server with packages: whatever is fetched is our package."""
    curl = machine / "usr/local/bin/curl"
    curl.write_text(f'#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done\ncp {package} "$2"\n')
    curl.chmod(0o755)


def boot(machine: Machine, data: dict[str, Any]) -> None:
    """Do what cloud-init does with the snippet, where the packages that it names are there."""
    for file in data["write_files"]:
        written = machine / file["path"]
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(file["content"])
        written.chmod(int(file["permissions"], 8))
    for command in data["runcmd"]:
        machine.types(shlex.join(command))
