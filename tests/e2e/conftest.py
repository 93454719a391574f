"""The real agent, and installations of the whole system."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agente.conftest import AgentRunner
from tests.installation import Installation, copy_repository, make_environments

NewInstallation = Callable[[], Installation]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentRunner]:
    """The agent, with a folder of its own."""
    folder = tmp_path / "agente"
    folder.mkdir()
    runner = AgentRunner(folder)
    yield runner
    runner.end()


@pytest.fixture(scope="session")
def environments(of_all_workers: Path) -> Path:
    """A copy of the repository whose scripts made their environments; shared by all workers."""
    return make_environments(of_all_workers)


@pytest.fixture
def new_installation(tmp_path: Path, environments: Path) -> Iterator[NewInstallation]:
    """Make copies of the repository in which the scripts find their environments made."""
    made: list[Installation] = []
    numbers = itertools.count()

    def make() -> Installation:
        folder = copy_repository(tmp_path / f"copy {next(numbers)}")
        for name in (".venv", ".venv-agente"):
            (folder / name).symlink_to(environments / name)
        made.append(Installation(folder))
        return made[-1]

    yield make
    for installation in made:
        installation.end()


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    """A copy of the repository of the test's own."""
    return new_installation()
