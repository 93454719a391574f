"""The spool: reports that wait for the collector, one gzip file each, oldest first.

Names begin with a sequence number, so that a clock that is set back reorders nothing. Beside them
stand ``estado.json`` (what was dropped, what is disputed) and ``rechazados/``.
"""

import fcntl
import json
import os
import re
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import durable
from messages import one_line, why
from report import decode

STATE = "estado.json"
REJECTED = "rechazados"
SUFFIX = ".json.gz"
NAME = re.compile(r"[0-9]{12}-[0-9a-f-]{36}\.json\.gz")
REJECTED_AT_MOST = 100  # reports that are kept to be looked at
ANSWER_AT_MOST = 16384  # bytes of an answer that are kept beside one
BLOCK = 4096  # bytes; what a file takes of a disk is a multiple of this, on most file systems
HELD_AT_MOST = 8 << 20  # bytes of reports kept in memory while the disk takes none


class SpoolBusyError(Exception):
    """Another agent has this spool."""


class State(NamedTuple):
    """What a spool remembers beside its reports; the fields are those of estado.json."""

    descartados: int = 0  # reports lost for want of room, ever
    cayendo: str = ""  # the one that is counted there and may not be removed yet
    disputa: str = ""  # the one that was refused in a way that proves nothing
    veces: int = 0  # how often


def parse_state(data: bytes) -> State:
    """Return the state written in data; what is damaged counts as never written."""
    try:
        kept = json.loads(data)
        state = State(**kept)
    except (ValueError, TypeError):
        return State()
    ours = all(type(value) is type(State()[i]) for i, value in enumerate(state))
    names_ours = all(not name or is_ours(name) for name in (state.cayendo, state.disputa))
    return state if ours and state.descartados >= 0 and names_ours else State()


def read_state(folder: Path) -> State:
    """Return the spool's state, without opening it."""
    try:
        return parse_state((folder / STATE).read_bytes())
    except OSError:
        return State()


def waiting_in(folder: Path) -> list[str]:
    """Return the names of the reports that wait in a folder, oldest first."""
    return sorted(path.name for path in folder.iterdir() if is_ours(path.name))


def room_for(size: int) -> int:
    """Return how many bytes a file of that size takes of the disk: small ones take a block."""
    return -(-size // BLOCK) * BLOCK


def room_of(file: Path) -> int:
    """Return what a file takes of the disk, 0 where that can't tell: reading it will say why."""
    try:
        return room_for(file.stat().st_size)
    except OSError:
        return 0


def is_ours(name: str) -> bool:
    """Tell whether a file's name is one that the spool gives."""
    return NAME.fullmatch(name) is not None


class Spool:
    """Reports that take at most ``limit`` bytes of the disk. Several threads may call its methods.

    Making it takes the folder's lock, which a kill releases. Raises SpoolBusyError, OSError.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._turn = threading.Lock()
        self._held: dict[str, bytes] = {}  # reports that the disk did not take
        self._busy = ""  # the report that is being sent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = self._lock()
        self.cleaned = durable.clean_temporaries(folder)
        self._state, self._state_is_saved = read_state(folder), True
        # What each takes of the disk, in bytes.
        self._sizes = {name: room_of(folder / name) for name in waiting_in(folder)}
        self._next = 1 + max((int(name.partition("-")[0]) for name in self._sizes), default=0)
        self._finish_dropping()

    def _lock(self) -> int:
        """Lock the folder itself: that needs no file, so it works on a full disk."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise SpoolBusyError(f"otro agente usa el spool {self.folder}") from error
        return descriptor

    def _finish_dropping(self) -> None:
        """Remove what was counted as dropped before a crash, so that nothing counts twice."""
        if self._state.cayendo:
            with suppress(OSError):
                self._forget(self._state.cayendo)

    @property
    def dropped(self) -> int:
        """Return how many reports were lost for want of room, ever."""
        return self._state.descartados

    def names(self) -> list[str]:
        """Return the names of all reports that wait, oldest first."""
        with self._turn:
            return [*self._sizes, *self._held]

    def oldest(self, without: Container[str] = ()) -> str | None:
        """Return the name of the oldest report that waits, but for those; None for none."""
        with self._turn:
            waiting = chain(self._sizes, self._held)
            return next((name for name in waiting if name not in without), None)

    def put(self, identity: str, body: bytes) -> str:
        """Add a report at the end. Return "", or why the disk did not take it.

        A report that the disk does not take waits in memory, behind those on disk, and is tried
        again with the next one.
        """
        with self._turn:
            self._held[f"{self._next:012d}-{identity}{SUFFIX}"] = body
            self._next += 1
            trouble = self._write_held()
            self._make_room()
            if not self._state_is_saved:
                self._remember()
            return trouble

    def flush(self) -> int:
        """Try once more to write what is held in memory; return how many reports that leaves."""
        with self._turn:
            self._write_held()
            return len(self._held)

    def _write_held(self) -> str:
        for name, body in list(self._held.items()):
            try:
                durable.write(self.folder / name, body)
            except OSError as error:
                error.filename = self.folder  # the file has another name each time
                return why(error)
            self._sizes[name] = room_for(len(body))
            del self._held[name]
        return ""

    def _make_room(self) -> None:
        """Drop the oldest until the limit is kept, never the newest nor the one on its way."""
        *old, _ = [*self._sizes, *self._held]
        self._drop_until(old, self._sizes.__contains__, lambda: self._used() <= self._limit)
        held = lambda: sum(map(len, self._held.values())) <= HELD_AT_MOST  # noqa: E731
        self._drop_until(old, self._held.__contains__, held)

    def has_room(self) -> bool:
        """Tell whether half of it or more is free."""
        with self._turn:
            return self._used() <= self._limit // 2

    def _used(self) -> int:
        return sum(self._sizes.values())

    def _drop_until(
        self, names: list[str], among: Callable[[str], bool], enough: Callable[[], bool]
    ) -> None:
        for name in names:
            if enough():
                return
            if among(name) and name != self._busy:
                self._drop(name)

    def _drop(self, name: str) -> None:
        """Count first, then remove; the note of what is being removed keeps a crash from lying.

        What can't be removed is no longer counted among what waits: it must not end the agent.
        """
        self._remember(descartados=self.dropped + 1, cayendo=name)
        with suppress(OSError):
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._held.pop(name, None)
        self._sizes.pop(name, None)
        (self.folder / name).unlink(missing_ok=True)

    def _remember(self, **changes: int | str) -> None:
        """Change the state and write it; where the disk takes nothing, put() tries again."""
        self._state = self._state._replace(**changes)  # type: ignore[arg-type]
        self._state_is_saved = False
        with suppress(OSError):
            durable.write(self.folder / STATE, json.dumps(self._state._asdict()).encode())
            self._state_is_saved = True

    def take(self, name: str) -> bytes | None:
        """Return a report's bytes to send it, None when it is gone.

        Raises ValueError if it is damaged, OSError if it can't be read.
        It is not dropped until release() or delivered() is called, or another one is taken.
        """
        with self._turn:
            self._busy = name
            body = self._held.get(name)
            if body is None:
                try:
                    body = (self.folder / name).read_bytes()
                except FileNotFoundError:
                    self._forget(name)
                    return None
        decode(body)
        return body

    def release(self) -> None:
        """Let the report that was taken wait on."""
        self._busy = ""

    def delivered(self, name: str) -> None:
        """Remove a report that the collector has."""
        with self._turn:
            self._busy = ""
            self._forget(name)
            if self._state.disputa == name:
                self._remember(disputa="", veces=0)

    def dispute(self, name: str) -> int:
        """Count another refusal of a report that may be anybody's fault; return how many."""
        with self._turn:
            times = self._state.veces + 1 if self._state.disputa == name else 1
            self._remember(disputa=name, veces=times)
            return times

    def set_aside(self, name: str, answer: str) -> None:
        """Move a report to rechazados/, with what was said of it beside it. Raises OSError."""
        with self._turn:
            folder = self.folder / REJECTED
            folder.mkdir(mode=0o700, exist_ok=True)
            beside = folder / (name.removesuffix(SUFFIX) + ".respuesta.txt")
            with suppress(OSError):  # on a full disk the report goes all the same
                durable.write(beside, answer.encode("utf-8", "backslashreplace")[:ANSWER_AT_MOST])
            if name in self._held:
                durable.write(folder / name, self._held[name])
            else:
                (self.folder / name).replace(folder / name)
                durable.sync_folder(folder)
            self._forget(name)
            self._busy = ""
            self._trim(folder)

    def was_set_aside(self, identity: str) -> bool:
        """Tell whether the report of that id lies in rechazados/."""
        folder = self.folder / REJECTED
        return folder.exists() and any(identity in path.name for path in folder.iterdir())

    def _trim(self, folder: Path) -> None:
        """Keep the newest of rechazados/, by time: numbers begin anew when the spool is empty."""
        reports = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
        reports.sort(key=lambda path: path.stat().st_mtime_ns)
        size = sum(path.stat().st_size for path in reports)
        while len(reports) > REJECTED_AT_MOST or (size > self._limit and len(reports) > 1):
            oldest = reports.pop(0)
            size -= oldest.stat().st_size
            oldest.with_name(oldest.name.removesuffix(SUFFIX) + ".respuesta.txt").unlink(
                missing_ok=True
            )
            oldest.unlink()

    def close(self) -> int:
        """Write what can be written, release the lock; return how many reports are lost by it."""
        lost = self.flush()
        if lost:
            self._remember(descartados=self.dropped + lost)
        os.close(self._descriptor)
        return lost


def describe_answer(status: int, reason: str, body: bytes) -> str:
    """Return an answer as it is kept beside a report that was set aside."""
    text = body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return f"{status} {one_line(reason)}\n\n{text}\n"
