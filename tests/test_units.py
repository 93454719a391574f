"""The systemd units in deploy/: hardened, valid, and of no use to hide processes with."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, needs_systemd

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
WORST = 25
"""Tenths: `systemd-analyze security` gives from 0 (best) to 10."""

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], check=False, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def test_there_is_a_unit_for_each_program() -> None:
    assert [unit.stem for unit in UNITS] == ["compliance-agente", "compliance-colector"]


@needs_systemd
@each_unit
def test_a_unit_is_hardened(unit: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={WORST}", str(unit))
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


@needs_systemd
@each_unit
def test_a_unit_is_valid(unit: Path, tmp_path: Path) -> None:
    """The programs that it names are not installed here: others stand for them."""
    text = re.sub(r"^(ExecStart(?:Pre)?=)\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(copy))
    assert (done.returncode, unit.name in done.stderr) == (0, False), done.stderr


@each_unit
def test_a_unit_runs_what_there_is(unit: Path) -> None:
    """Packages install what is in deploy/ as /usr/bin/compliance-...; see tests/shipping."""
    text = unit.read_text()
    [program] = re.findall(r"^ExecStart=/usr/bin/compliance-(\w+)$", text, re.MULTILINE)
    assert os.access(ROOT / "deploy" / program / f"compliance-{program}", os.X_OK)


@each_unit
def test_a_unit_needs_no_root_and_ends_gently(unit: Path) -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))
    assert settings["User"].startswith("compliance")
    assert (settings["CapabilityBoundingSet"], settings["NoNewPrivileges"]) == ("", "yes")
    assert settings["KillMode"] == "mixed"


def test_nothing_hides_processes_from_the_agent() -> None:
    [agent] = [unit for unit in UNITS if unit.stem == "compliance-agente"]
    hiding = r"^(ProtectProc|ProcSubset|PrivateUsers|PrivatePIDs|InaccessiblePaths|RootDirectory)="
    assert not re.findall(hiding, agent.read_text(), re.MULTILINE)
