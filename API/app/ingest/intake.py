"""How a process that serves reads reports: of each what was not in the server's last one.

From one report of a server to the next few processes change. The text of the others is the same to
the byte, and so is what was found in it; only what is new is decoded and checked. For that the text
of the last report stays in memory, of as many servers as there is room for.
"""

import time
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from API.app.facts import NO_START, Items, Label, ms_of
from API.app.ingest.entry import Entry, entry_from_body, take_apart
from API.app.ingest.spelling import Numbered, Vocabulary
from API.app.report import Report, agent_of, decode_apart, decode_processes, identity_of

PROCESSES = "procesos"

MEMORY = 40 << 20
"""Bytes that the texts may take with what was found in them: those of 1,900 servers with 200
processes."""

KEPT_S = 3_600.0
"""For how long a server that sends nothing keeps its place, in seconds. Where there are too few
places, it is better that some servers keep theirs than that each loses its own too soon."""

GONE = 16
"""Processes that may be gone one after another; where there are more, those after them are read."""


class Received(NamedTuple):
    """An `Entry` that was just received, and is to be handed over."""

    report: Report
    lists: Mapping[str, Numbered]
    body: bytes
    id_agente: str
    id_reporte: str
    vocabulary: Vocabulary
    passing: Mapping[int, Label]
    """What numbers below 0 stand for: labels that are too long for the vocabulary."""


class Intake:
    """Reads the reports of one process that serves; used by its event loop alone."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._latest = _Latest()

    def read(self, body: bytes) -> Received:
        """Check the JSON text `body` and identify it.

        Raises:
            InvalidReportError: it is not a report.
        """
        self._begin()
        return self._read_plain(body) or self._received(entry_from_body(body))

    def spell(self, entry: Entry) -> Received:
        """Give a report that was read elsewhere as one that was read here."""
        self._begin()
        return self._received(entry)

    def _begin(self) -> None:
        if self._vocabulary.is_full():
            self._vocabulary = Vocabulary()
            self._latest = _Latest()  # its numbers are those of the other

    def _received(self, entry: Entry, **known: Numbered) -> Received:
        """Number the labels of an entry, but for the lists of which they are `known`."""
        passing: dict[int, Label] = {}
        lists = {
            field: known.get(field) or self._numbered(items, passing)
            for field, items in entry.lists.items()
        }
        return Received(
            entry.report, lists, entry.body, entry.id_agente, entry.id_reporte, self._vocabulary,
            passing,
        )  # fmt: skip

    def _numbered(self, items: Items, passing: dict[int, Label]) -> Numbered:
        numbers = self._vocabulary.numbers(items.labels)
        if None in numbers:
            for place, label in enumerate(items.labels):
                if numbers[place] is None:
                    numbers[place] = number = -1 - len(passing)
                    passing[number] = label
        return Numbered(array("i", numbers), array("i", items.pids), items.starts)  # type: ignore[arg-type]

    def _read_plain(self, body: bytes) -> Received | None:
        """Read a report as most are; None for any other, or a wrong one."""
        apart = decode_apart(body)
        if apart is None or PROCESSES in (apart[0].errores or ()):
            return None
        report, text = apart
        id_agente, known = agent_of(report), {}
        before = self._latest.of(id_agente, text)
        if before:
            numbered = self._followed(before, text)
            if numbered is None:
                return None
            self._latest.keep(id_agente, text, numbered)
            known[PROCESSES] = numbered
        else:
            processes = decode_processes(text)
            if processes is None:
                return None
            report.procesos = processes
        head, lists = take_apart(report)
        entry = Entry(head, lists, body, id_agente, identity_of(report, body))
        return self._received(entry, **known)

    def _followed(self, before: "_Last", text: bytes) -> Numbered | None:
        """Find what is in the text of a server's processes; None where that is not plain."""
        parts, known = _parts(text), _parts(before.text)
        if parts is None or known is None:
            return None
        places, unknown = _aligned(parts, known)
        fresh = self._decoded(unknown)
        if fresh is None:
            return None
        columns = zip(cast("Columns", before.numbered), cast("Columns", fresh), strict=True)
        return Numbered(*(_picked(old + new, places) for old, new in columns))

    def _decoded(self, parts: Sequence[bytes]) -> Numbered | None:
        """Decode processes, each without its closing brace; None where one is no such thing."""
        if not parts:
            return _NONE
        found = decode_processes(b"}".join(parts) + b"}")
        # No part has a closing brace in it. So where there are as many processes as parts, each
        # part is one, and would be one among any others too.
        if found is None or len(found) != len(parts):
            return None
        numbers = self._vocabulary.numbers([(process.name, process.username) for process in found])
        if None in numbers:
            return None
        pids = [process.pid for process in found]
        starts = [NO_START if (at := ms_of(process.inicio)) is None else at for process in found]
        return Numbered(array("i", numbers), array("i", pids), array("q", starts))  # type: ignore[arg-type]


Columns = tuple["array[int]", "array[int]", "array[int]"]


class _Last(NamedTuple):
    """The processes of a server's latest report."""

    text: bytes
    numbered: Numbered
    at: float
    """When it came."""


class _Latest:
    """What servers' latest reports had, of as many as there is room for."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, _Last] = OrderedDict()  # in the order in which they came
        self._size = 0

    def of(self, id_agente: str, text: bytes) -> _Last | None:
        """Give what a server had before `text`, be it nothing; None where there is no room."""
        return self._of.get(id_agente) or (_NOTHING if self._has_room(_size(text)) else None)

    def keep(self, id_agente: str, text: bytes, numbered: Numbered) -> None:
        """Remember what a server has now, where there is room."""
        self._drop(id_agente)
        if self._has_room(_size(text)):
            self._of[id_agente] = _Last(text, numbered, time.monotonic())
            self._size += _size(text)

    def _has_room(self, size: int) -> bool:
        """Tell whether there is room, or somebody's who sends nothing any more."""
        while self._size + size > MEMORY:
            ident, oldest = next(iter(self._of.items()), ("", _NOTHING))
            if not oldest.text or time.monotonic() - oldest.at < KEPT_S:
                return False
            self._drop(ident)
        return True

    def _drop(self, id_agente: str) -> None:
        before = self._of.pop(id_agente, None)
        if before:
            self._size -= _size(before.text)


def _size(text: bytes) -> int:
    """Tell about how many bytes a place takes: a process has some 85 of text, 16 in columns."""
    return 700 + len(text) * 6 // 5


def _parts(text: bytes) -> list[bytes] | None:
    """Cut a text at the end of each object; None where it does not end with one."""
    parts = text.split(b"}")
    return None if parts.pop() else parts


def _aligned(parts: Sequence[bytes], old: Sequence[bytes]) -> tuple[list[int], list[bytes]]:
    """Find the parts of a list in one that had most of them, in the same order.

    Returns:
        where each part is in the old list with the new parts behind it; and these.
    """
    places: list[int] = []
    new: list[bytes] = []
    at, behind = 0, len(old)
    old = [*old, b"}"]  # which no part is
    for part in parts:
        if part != old[at]:
            try:
                at = old.index(part, at + 1, at + GONE)
            except ValueError:
                places.append(behind + len(new))
                new.append(part)
                continue
        places.append(at)
        at += 1
    return places, new


def _picked(column: "array[int]", places: Sequence[int]) -> "array[int]":
    return array(column.typecode, [column[place] for place in places])


_NONE = Numbered(array("i"), array("i"), array("q"))
_NOTHING = _Last(b"", _NONE, 0.0)
