"""The way from the processes that serve requests to the one that writes."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from API.app.errors import OverloadedError, StorageUnavailableError
from API.app.ingest.channel import Address, WriterClient, WriterFailedError, new_address
from API.app.ingest.entry import Stored
from API.app.ingest.service import WriterService
from API.app.ingest.writer import Waiting
from tests.conftest import wait_until
from tests.ingest.conftest import entry, processes

# A thread's connection to the writer is closed as the thread ends, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CALL = "import socket; s = socket.socket(socket.AF_UNIX); s.connect({!r}); print(s.recv(1))"


class Numbering:
    """A writer that keeps nothing and gives numbers; or fails as it is told."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.outcome: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, batch: Sequence[Waiting]) -> None:
        self.go_on.wait(30)
        self.batches.append(len(batch))
        for item in batch:
            item.tell(self.outcome or Stored(int(item.entry.id_reporte[-12:]), created=True))


@contextmanager
def serving(writer: Numbering, address: Address) -> Iterator[None]:
    service = WriterService(writer, address)  # type: ignore[arg-type]
    try:
        yield
    finally:
        service.close(0)


def stored(client: WriterClient, number: int) -> int:
    many = processes(*((pid, f"name {pid}") for pid in range(1, 3_000)))
    return client.store(entry(0, number, number, procesos=many)).id_serv


def test_a_report_larger_than_the_socket_holds_arrives() -> None:
    address = new_address()
    with serving(Numbering(), address):
        assert stored(WriterClient(address, 1), 7) == 7


def test_another_writer_at_the_same_address_is_found() -> None:
    address = new_address()
    client = WriterClient(address, 1)
    for number in (1, 2):
        with serving(Numbering(), address):
            assert stored(client, number) == number
    with pytest.raises(StorageUnavailableError, match="away"):
        stored(client, 3)


def test_what_waits_while_a_batch_is_stored_is_the_next_batch() -> None:
    address, writer = new_address(), Numbering()
    client = WriterClient(address, 9)
    with serving(writer, address):
        writer.go_on.clear()
        threads = [threading.Thread(target=stored, args=(client, n)) for n in range(1, 6)]
        for thread in threads:
            thread.start()
        assert not writer.batches
        writer.go_on.set()
        for thread in threads:
            thread.join(30)
    assert sum(writer.batches) == 5


def test_too_many_are_told_at_once() -> None:
    address, writer = new_address(), Numbering()
    client = WriterClient(address, 1)
    with serving(writer, address):
        writer.go_on.clear()
        first = threading.Thread(target=stored, args=(client, 1))
        first.start()
        wait_until(lambda: client._waiting, "the first report does not wait")
        with pytest.raises(OverloadedError):
            stored(client, 2)
        writer.go_on.set()
        first.join(30)
        assert stored(client, 3) == 3


def test_why_a_report_is_not_stored_reaches_whoever_sent_it() -> None:
    address, writer = new_address(), Numbering()
    client = WriterClient(address, 1)
    with serving(writer, address):
        writer.outcome = StorageUnavailableError("the disk is full")
        with pytest.raises(StorageUnavailableError, match="the disk is full"):
            stored(client, 1)
        assert client.trouble() == "the disk is full"
        writer.outcome = KeyError("a bug")
        with pytest.raises(WriterFailedError, match="a bug"):
            stored(client, 1)
        writer.outcome = None
        assert stored(client, 1) == 1
        assert client.trouble() is None


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
