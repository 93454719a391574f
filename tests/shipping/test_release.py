"""deploy/release.sh, in a copy of the repository."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.installation import copy_repository

IDENTITY = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.net",
            "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.net"}  # fmt: skip


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = copy_repository(folder)
        for command in ("init --quiet --initial-branch=main", "add --all", "commit --quiet -m x"):
            self.git(*command.split())

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        path = f"{ROOT}/.venv-test/bin:{os.environ['PATH']}"
        return subprocess.run(command, cwd=self.folder, check=False, capture_output=True,
                              text=True, env=os.environ | IDENTITY | {"PATH": path})  # fmt: skip

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, version: str) -> subprocess.CompletedProcess[str]:
        return self.run("deploy/release.sh", version, "--prepare")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("release") / "repository")


def test_what_can_be_no_release_is_refused(repository: Repository) -> None:
    for version, why in (("0.0.1", "no es mayor"), ("uno", "diga qué versión")):
        done = repository.release(version)
        assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    stray = repository.folder / "stray"
    stray.touch()
    assert "sin confirmar" in repository.release("99.0.0").stderr
    stray.unlink()
    assert not repository.git("tag")


def test_a_release_is_marked_and_kept_for_the_tests_of_later_ones(repository: Repository) -> None:
    done = repository.release("99.0.0")
    assert done.returncode == 0, done.stderr
    assert repository.git("tag") == "v99.0.0\n"
    assert not repository.git("status", "--porcelain")
    assert repository.git("show", "v99.0.0:agente/VERSION") == "99.0.0\n"
    changelog = (repository.folder / "CHANGELOG.md").read_text()
    assert "## Unreleased\n\n## 99.0.0 - 2" in changelog
    released = repository.folder / "tests" / "released"
    assert [file.name for file in released.glob("*.xz")] == ["99.0.0.tar.xz"]
    checked = repository.run("python", "-m", "pytest", "-q", "tests/createdb/test_released.py")
    assert checked.returncode == 0, checked.stdout
