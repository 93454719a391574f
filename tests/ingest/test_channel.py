"""The way from the processes that serve requests to the one that writes."""

import asyncio
import functools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from API.app.errors import OverloadedError, StorageUnavailableError
from API.app.ingest import channel
from API.app.ingest.channel import (
    CONNECTIONS,
    Address,
    Answer,
    Frames,
    WriterClient,
    WriterFailedError,
    encode,
    frame,
    new_address,
)
from API.app.ingest.entry import Stored
from API.app.ingest.intake import Intake, Received
from API.app.ingest.service import WriterService
from API.app.ingest.writer import Waiting
from tests.conftest import DEADLINE_S
from tests.ingest.conftest import entry, processes

CALL = "import socket; s = socket.socket(socket.AF_UNIX); s.connect({!r}); print(s.recv(1))"


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Have pytest run a coroutine."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))  # type: ignore[arg-type]

    return run


async def until(condition: Callable[[], Any]) -> None:
    """Wait until `condition` holds, while the loop goes on."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


class Numbering:
    """A writer that keeps nothing and gives numbers; or fails as it is told."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.outcome: Exception | None = None
        self.waits = False
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, batch: Sequence[Waiting]) -> None:
        self.waits = True
        self.go_on.wait(DEADLINE_S)
        self.batches.append(len(batch))
        for item in batch:
            item.tell(self.outcome or Stored(int(item.entry.id_reporte[-12:]), created=True))

    def tend(self) -> None:
        pass


@contextmanager
def serving(writer: Numbering, address: Address) -> Iterator[None]:
    service = WriterService(writer, address)  # type: ignore[arg-type]
    try:
        yield
    finally:
        service.close(0)


@asynccontextmanager
async def client_of(address: Address, capacity: int) -> AsyncIterator[WriterClient]:
    client = WriterClient(address, capacity)
    try:
        yield client
    finally:
        client.close()
        await asyncio.sleep(0)  # its transports close in the loop's next turn


def received(number: int, **fields: Any) -> Received:
    """Make a report with a number, as a process that serves has received it."""
    return Intake().spell(entry(0, number, number, **fields))


async def stored(client: WriterClient, number: int) -> int:
    many = processes(*((pid, f"name {pid}") for pid in range(1, 3_000)))
    outcome = await client.store(received(number, procesos=many))
    assert isinstance(outcome, Stored)
    return outcome.id_serv


@in_a_loop
async def test_a_report_larger_than_the_socket_holds_arrives() -> None:
    address = new_address()
    with serving(Numbering(), address):
        async with client_of(address, 1) as client:
            assert await stored(client, 7) == 7


@in_a_loop
async def test_another_writer_at_the_same_address_is_found() -> None:
    address = new_address()
    async with client_of(address, 1) as client:
        for number in range(1, 2 * CONNECTIONS):
            with serving(Numbering(), address):
                assert await stored(client, number) == number
        with pytest.raises(StorageUnavailableError, match="away"):
            await stored(client, 1)


@in_a_loop
async def test_what_waits_while_a_batch_is_stored_is_the_next_batch() -> None:
    address, writer = new_address(), Numbering()
    many = 3 * CONNECTIONS
    with serving(writer, address):
        async with client_of(address, many) as client:
            writer.go_on.clear()
            waiting = asyncio.gather(*(stored(client, number) for number in range(many)))
            await until(lambda: writer.waits)
            assert not writer.batches
            writer.go_on.set()
            assert await waiting == list(range(many))
    assert sum(writer.batches) == many
    assert len(writer.batches) < many


class Reversing(Numbering):
    """A writer that answers the last first."""

    def write(self, batch: Sequence[Waiting]) -> None:
        super().write(batch[::-1])


@in_a_loop
async def test_each_gets_its_own_answer_in_whatever_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "CONNECTIONS", 1)
    address, writer = new_address(), Reversing()
    with serving(writer, address):
        async with client_of(address, 9) as client:
            writer.go_on.clear()
            entries = [received(number) for number in range(9)]
            waiting = asyncio.gather(*map(client.store, entries))
            await until(lambda: writer.waits)
            writer.go_on.set()
            assert await waiting == [Stored(number, created=True) for number in range(9)]
    assert max(writer.batches) > 1


@in_a_loop
async def test_too_many_are_told_at_once() -> None:
    address, writer = new_address(), Numbering()
    with serving(writer, address):
        async with client_of(address, 1) as client:
            writer.go_on.clear()
            first = asyncio.create_task(stored(client, 1))
            await until(lambda: client._waiting)
            with pytest.raises(OverloadedError):
                await stored(client, 2)
            writer.go_on.set()
            assert await first == 1
            assert await stored(client, 3) == 3


@in_a_loop
async def test_whoever_waits_too_long_is_told_and_the_next_gets_its_own_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "PATIENCE_S", 0.2)
    monkeypatch.setattr(channel, "CONNECTIONS", 1)
    address, writer = new_address(), Numbering()
    with serving(writer, address):
        async with client_of(address, 9) as client:
            writer.go_on.clear()
            with pytest.raises(StorageUnavailableError, match="does not answer"):
                await stored(client, 1)
            monkeypatch.setattr(channel, "PATIENCE_S", DEADLINE_S)
            writer.go_on.set()
            assert await stored(client, 2) == 2


@in_a_loop
async def test_why_a_report_is_not_stored_reaches_whoever_sent_it() -> None:
    address, writer = new_address(), Numbering()
    with serving(writer, address):
        async with client_of(address, 1) as client:
            writer.outcome = StorageUnavailableError("the disk is full")
            with pytest.raises(StorageUnavailableError, match="the disk is full"):
                await stored(client, 1)
            assert client.trouble() == "the disk is full"
            writer.outcome = KeyError("a bug")
            with pytest.raises(WriterFailedError, match="a bug"):
                await stored(client, 1)
            writer.outcome = None
            assert await stored(client, 1) == 1
            assert client.trouble() is None


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_frames_are_found_however_the_stream_is_cut(size: int) -> None:
    answers = [Answer(number, number, created=True) for number in range(50)]
    stream = b"".join(map(frame, answers))
    frames, found = Frames(), []
    for start in range(0, len(stream), size):
        found += [bytes(content) for content in frames.add(stream[start : start + size])]
    assert found == list(map(encode, answers))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a program as another user")
def test_another_user_is_not_talked_to() -> None:
    address = new_address()
    with serving(Numbering(), address):
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
        program = [python, "-c", CALL.format(address.name)]
        done = subprocess.run(
            program, check=True, capture_output=True, user=65_534, timeout=30, cwd="/"
        )
    assert done.stdout == b"b''\n"
