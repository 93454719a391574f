"""Alerts of a database that is judged, without a collector around it; files of channels."""

import functools
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from API.app.alerts.file import Watched
from API.app.alerts.sender import Sender
from tests.alerts.receivers import Receiver, write_file
from tests.compliance.conftest import NewTrial, Trial, new_trial
from tests.conftest import wait_until

__all__ = ["NewTrial", "Trial", "new_trial"]

PutFile = Callable[..., Path]


@pytest.fixture
def put_file(tmp_path: Path) -> PutFile:
    """Write a file of channels and rules whose one channel is a webhook."""
    return functools.partial(write_file, tmp_path)


class Telling:
    """A trial with somebody who tells what is new in it."""

    def __init__(self, trial: Trial, path: Path | None) -> None:
        self.trial = trial
        self.sender = Sender(trial.url, Watched(path))

    def put(self, *entries: Any) -> None:
        """Store reports, and judge them."""
        self.trial.stores(*entries)
        self.trial.judges()

    def until(self, condition: Callable[[], Any], what: str) -> None:
        def step() -> Any:
            self.sender.step()
            return condition()

        wait_until(step, what)

    def delivers(self, receiver: Receiver, count: int) -> None:
        """Go on until so many messages have come, and their delivery is noted."""
        noted = "SELECT count(*) FROM mensajes WHERE estado = 'entregado'"
        self.until(
            lambda: len(receiver.posted) >= count and self.trial.rows(noted) == [(count,)],
            f"{count} messages",
        )
        assert len(receiver.posted) == count

    def rests(self) -> None:
        """Make sure that there is nothing more to tell."""
        for _ in range(5):
            self.sender.step()
        assert not self.sender.busy


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().up() as receiver:
        yield receiver


NewTelling = Callable[[Trial, Path | None], Telling]


@pytest.fixture
def new_telling() -> Iterator[NewTelling]:
    made: list[Telling] = []

    def make(trial: Trial, path: Path | None) -> Telling:
        made.append(Telling(trial, path))
        return made[-1]

    yield make
    for telling in made:
        with closing(telling.sender):
            pass
