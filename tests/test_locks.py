"""The lock files: they pin what is required, and nothing else is installed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.installation import clean_environment

NAMES = ("agente/requirements", "requirements", "requirements-dev")
_PIN = re.compile(
    r"^(\S+?)==(\S+)(?: ; (.*?))?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)

each = pytest.mark.parametrize("name", NAMES)


def pins(name: str) -> dict[str, set[str]]:
    """What a lock file pins: versions by library; more than one where systems need different."""
    found: dict[str, set[str]] = {}
    for library, version, *_ in _PIN.findall((ROOT / f"{name}.lock").read_text()):
        found.setdefault(canonicalize_name(library), set()).add(version)
    return found


def required(name: str) -> list[Requirement]:
    """What a file of requirements asks for, with those that it includes."""
    path = ROOT / f"{name}.txt"
    found = []
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            included = (path.parent / line[3:]).relative_to(ROOT)
            found += required(str(included.with_suffix("")))
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


@each
def test_the_lock_pins_every_requirement(name: str) -> None:
    pinned = pins(name)
    for requirement in required(name):
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement}: deploy/lock.sh"
        assert all(version in requirement.specifier for version in versions), requirement


@each
def test_the_lock_is_pins_with_hashes_alone(name: str) -> None:
    """No library without a hash, no address to fetch from: that is the installing machine's own."""
    assert not _PIN.sub("", (ROOT / f"{name}.lock").read_text()).strip()


def test_all_locks_have_the_same_versions() -> None:
    tested = pins("requirements-dev")
    for name in NAMES[:2]:
        assert pins(name).items() <= tested.items(), name


def test_the_scripts_install_the_locks() -> None:
    shell = "\n".join(
        (ROOT / path).read_text()
        for path in ("init_app.sh", "agente.sh", "test.sh", "agente/environment.sh")
    )
    assert "--require-hashes" in shell
    assert not re.findall(r"requirements[\w-]*\.txt", shell)


def test_a_library_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "ajena-1.0-py3-none-any.whl"
    info = "ajena-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: ajena\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"ajena==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    script = f". {ROOT}/agente/environment.sh; make_environment '{tmp_path}/venv' '{lock}'"
    more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run(
        ["sh", "-c", script], env=clean_environment(**more), check=False, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "do not match the hashes" in done.stderr.lower()
    assert not list((tmp_path / "venv").rglob("ajena*"))
