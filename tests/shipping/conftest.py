"""Bare Debian trees to install things in."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import copy_repository
from tests.shipping.machine import Machine, build, make_tree


def require_trees() -> None:
    """Skip the test where no other tree can be entered; with CI set, fail."""
    can = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    if os.geteuid() == 0 and can.returncode == 0:
        return
    reason = "needs root, and a machine where folders can be mounted and entered (unshare, chroot)"
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def shared(of_all_workers: Path) -> Path:
    """A folder of ours that all workers of this run share."""
    folder = of_all_workers / "shipping"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def machine(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A bare Debian for a module's tests, which leave nothing in each other's way."""
    require_trees()
    made = Machine(tmp_path_factory.mktemp("machine") / "tree")
    subprocess.run(["cp", "-a", make_tree(shared), made.tree], check=True)
    yield made
    made.end()
    shutil.rmtree(made.tree)


NewVersion = Callable[[str], Path]


@pytest.fixture(scope="session")
def new_version(tmp_path_factory: pytest.TempPathFactory) -> NewVersion:
    """Make a copy of the repository that calls itself another version."""

    def make(version: str) -> Path:
        copy = copy_repository(tmp_path_factory.mktemp("repository") / version)
        (copy / "agente" / "VERSION").write_text(f"{version}\n")
        return copy

    return make


@pytest.fixture(scope="session")
def agent_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The agent as one file, and as a package."""
    one_file, package = build("build_agent.sh", tmp_path_factory.mktemp("agent"))
    return one_file, package
