"""Values that are kept until there is news."""

import itertools
import threading

import pytest

from API.app import fresh
from API.app.fresh import Fresh
from tests.conftest import wait_until


def test_what_is_cheap_is_of_the_latest_version() -> None:
    counted = itertools.count(1)
    kept = Fresh(lambda: next(counted))
    assert [kept.get("a"), kept.get("a"), kept.get("b")] == [(1, True), (1, True), (2, True)]


def test_what_is_costly_is_made_on_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "CHEAP_S", 0.0)
    counted, go_on = itertools.count(1), threading.Event()
    go_on.set()

    def make() -> int:
        assert go_on.wait(20)
        return next(counted)

    kept = Fresh(make, rest=0)
    assert kept.get("a") == (1, True)
    go_on.clear()
    assert kept.get("b") == (1, False), "nobody waits"
    assert kept.get("b") == (1, False)
    go_on.set()
    wait_until(lambda: kept.get("b") == (2, True), "the new value")


def test_what_is_costly_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "CHEAP_S", 0.0)
    counted = itertools.count(1)
    kept = Fresh(lambda: next(counted), rest=1e9)
    assert [kept.get(version) for version in "abc"] == [(1, True), (1, False), (1, False)]


def test_a_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "CHEAP_S", 0.0)
    answers = iter([1, None, 2])

    def make() -> int:
        answer = next(answers)
        if answer is None:
            raise OSError("away")
        return answer

    kept = Fresh(make, rest=0)
    assert kept.get("a") == (1, True)
    wait_until(lambda: kept.get("b") == (2, True), "the second try")
