"""The program's own log: what fails again and again does not fill it."""

import pytest
import structlog

from API.app.logs import Trouble


def test_trouble_is_told_of_once_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("API.app.logs.time.monotonic", lambda: now)
    trouble = Trouble("judging goes on later")
    with structlog.testing.capture_logs() as said:
        for _ in range(5):
            trouble.met("the database is away")
        now += 61
        trouble.met("the database is still away")
        trouble.over()
        trouble.met("away once more")
    assert [line["reason"] for line in said] == [
        "the database is away", "the database is still away", "away once more"
    ]  # fmt: skip


def test_trouble_that_was_told_is_told_of_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("API.app.logs.time.monotonic", lambda: now)
    trouble = Trouble("the database is away still")
    trouble.was_told()
    with structlog.testing.capture_logs() as said:
        trouble.met("at once")
        now += 61
        trouble.met("after a minute")
    assert [line["reason"] for line in said] == ["after a minute"]
