"""The registry: a fact that fails is that fact's own."""

import threading
from pathlib import Path
from typing import Any

import collectors
import pytest
from boot import BootCache
from collectors import FACTS, Context, Fact, Usernames, gather
from collectors.context import CannotTellError
from deadline import Patience
from guest import Budget


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("http://127.0.0.1:8080", BootCache(tmp_path, "x"), Usernames(), Budget(1.0))


@pytest.mark.parametrize(
    "error",
    [CannotTellError("no puedo"), OSError(5, "Input/output error"), MemoryError(), KeyError()],
)
def test_a_fact_that_fails_says_why_and_never_stops_the_others(
    context: Context, error: Exception
) -> None:
    def fail(_: Context) -> dict[str, Any]:
        raise error

    found = gather(
        context,
        [Fact({"a": [], "b": None}, fail), Fact({"c": ""}, lambda _: {"c": "here"})],
    )
    assert found.fields == {"a": [], "b": None, "c": "here"}
    assert found.errors.keys() == {"a", "b"}
    assert all(found.errors.values())
    assert found.seconds.keys() == {"a", "c"}


def test_a_fact_that_hangs_is_given_up_and_not_started_again(context: Context) -> None:
    release = threading.Event()
    started: list[int] = []

    def hang(_: Context) -> dict[str, Any]:
        started.append(1)
        release.wait(60)
        return {"a": "late"}

    facts = [Fact({"a": ""}, hang), Fact({"b": ""}, lambda _: {"b": "here"})]
    patience = Patience(1.0)
    for _ in range(2):
        found = gather(context, facts, patience)
        assert found.fields == {"a": "", "b": "here"}
        assert "sin respuesta" in found.errors["a"] or "sin responder" in found.errors["a"]
    assert len(started) == 1
    release.set()


def test_a_fact_for_which_there_was_no_thread_is_tried_again(context: Context) -> None:
    facts, patience = [Fact({"a": ""}, lambda _: {"a": "here"})], Patience(10.0)
    before = threading.stack_size(1 << 47)  # more than there are addresses
    try:
        found = gather(context, facts, patience)
    finally:
        threading.stack_size(before)
    assert found.errors == {"a": "can't start new thread"}
    assert gather(context, facts, patience).fields == {"a": "here"}


def test_every_fact_gives_the_fields_that_it_declares(context: Context) -> None:
    for fact in FACTS:
        try:
            assert fact.gather(context).keys() == fact.empty.keys()
        except CannotTellError:
            continue


def test_no_field_is_declared_twice() -> None:
    fields = [field for fact in FACTS for field in fact.empty]
    assert len(fields) == len(set(fields))


def test_the_agent_needs_neither_of_the_other_parts() -> None:
    folder = Path(collectors.__file__).parents[1]
    for file in folder.rglob("*.py"):
        if ".venv" not in file.parts:
            text = file.read_text()
            assert "import API" not in text
            assert "from API" not in text
            assert "createDB" not in text
