"""Downloads of many rows: constant memory, and readers who do not read."""

import re
import socket
import time
from contextlib import ExitStack

import pytest
import requests

from bench.exports import fill, peak_of, server_on
from createDB.engine import database_url, open_engine
from tests.conftest import DEADLINE_S, CollectorProcess, NewCollector, wait_until

MIB = 1 << 20
SERVERS, PROCESSES = 1_000, 200
PLACES = 8


@pytest.fixture(scope="module")
def full(new_shared_collector: NewCollector) -> CollectorProcess:
    """A collector with 200,000 processes, and one thread for requests."""
    options = ("--hilos", "1", "--descargas", str(PLACES))
    collector = new_shared_collector(*options)
    engine = open_engine(database_url(collector.database_url))
    with engine.begin() as connection:
        fill(connection, SERVERS, PROCESSES)
    engine.dispose()
    return collector.start()


def ask_and_not_read(collector: CollectorProcess, stack: ExitStack, address: str) -> socket.socket:
    """Ask for a download from an address of this machine, and read nothing of it."""
    reader = stack.enter_context(socket.socket())
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    reader.bind((address, 0))
    reader.settimeout(DEADLINE_S)
    reader.connect(("127.0.0.1", collector.port))
    [(name, value)] = collector.local_access.items()
    request = f"GET /procesos.ndjson HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n"
    reader.sendall(request.encode())
    return reader


def ask_until_let_in(collector: CollectorProcess, stack: ExitStack, address: str) -> socket.socket:
    """Ask until those who went away before have given their places back."""

    def ask() -> socket.socket | None:
        reader = ask_and_not_read(collector, stack, address)
        return reader if status_of(reader) == 200 else None

    reader = wait_until(ask, "a place")
    assert isinstance(reader, socket.socket)
    return reader


def status_of(reader: socket.socket) -> int:
    found = re.match(rb"HTTP/1.1 (\d+)", reader.recv(64, socket.MSG_PEEK))
    assert found
    return int(found[1])


def test_rows_pass_through_without_being_kept(full: CollectorProcess) -> None:
    process = server_on(full.port)
    full.get("/procesos.ndjson?limite=5000")
    before = peak_of(process)
    with full.get("/procesos.ndjson", stream=True) as answer:
        size = sum(len(piece) for piece in answer.iter_content(MIB))
    assert size > 40 * MIB
    assert peak_of(process) - before < 16 * MIB


def test_readers_who_do_not_read_keep_nobody_out(full: CollectorProcess) -> None:
    process = server_on(full.port)
    before = peak_of(process)
    with ExitStack() as stack:
        for number in range(PLACES):
            ask_until_let_in(full, stack, f"127.0.0.{2 + number % 4}")
        one_more = full.get("/procesos.csv")
        assert (one_more.status_code, one_more.headers["Retry-After"]) == (503, "10")
        assert "downloads" in one_more.json()["detail"]
        assert full.get("/servers?limite=1").status_code == 200
        assert full.get("/procesos.csv").status_code == 503, "they are all still there"
        assert peak_of(process) - before < (2 * PLACES + 16) * MIB


def test_one_address_does_not_take_all_places(full: CollectorProcess) -> None:
    with ExitStack() as stack:
        for _ in range(PLACES // 4):
            ask_until_let_in(full, stack, "127.0.0.9")
        assert status_of(ask_and_not_read(full, stack, "127.0.0.9")) == 503
        ask_until_let_in(full, stack, "127.0.0.10")


def test_who_stops_reading_is_cut_off_and_can_tell(full: CollectorProcess) -> None:
    with ExitStack() as stack:
        reader = ask_until_let_in(full, stack, "127.0.0.11")
        wait_until(lambda: "cut off" in lines_about(full, "127.0.0.11"), "the cut")
        received = b""
        try:
            while piece := reader.recv(MIB):
                received += piece
        except ConnectionResetError:
            pass
    assert not received.endswith(b"0\r\n\r\n")  # the end of a whole answer (RFC 9112, 7.1)


def lines_about(collector: CollectorProcess, address: str) -> str:
    return "\n".join(line for line in collector.log.splitlines() if f"={address} " in line)


def test_who_goes_away_gives_the_place_back(full: CollectorProcess) -> None:
    for _ in range(PLACES):
        with ExitStack() as stack:
            for _ in range(PLACES // 4):
                ask_until_let_in(full, stack, "127.0.0.12")


def test_a_reader_who_takes_time_gets_everything(full: CollectorProcess) -> None:
    """Slower than the collector, and never idle for long."""
    with full.get("/procesos.csv?limite=60000", stream=True) as answer:
        answer.raise_for_status()
        lines = 0
        for piece in answer.iter_content(MIB):
            lines += piece.count(b"\n")
            time.sleep(0.05)  # a slow line is what is tested
    assert lines == 60_001


def test_a_failure_midway_does_not_pass_for_the_end(full: CollectorProcess) -> None:
    """The table goes away under a download that has begun."""
    engine = open_engine(database_url(full.database_url), wait_ms=20_000)
    plain = full.local_access | {"Accept-Encoding": "identity"}
    with full.get("/procesos.csv", stream=True, headers=plain) as answer:
        pieces = answer.iter_content(1_000)
        next(pieces)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE procesos RENAME TO otra")
        try:
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                for _ in pieces:
                    pass
        finally:
            with engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE otra RENAME TO procesos")
            engine.dispose()
