"""The facts whose history is kept, declared once.

To follow another one, add a row to `LISTS` or a name to `SYSTEM_FIELDS`; the writer, the periods
and the queries go by these and know no fact by its name. What is true of a server at the moment of
a report is a list of items, each with a label (a name, and a second text where it has one: who,
which version), and a process id where it has one.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from API.app.report import Report

Label = tuple[str, str | None]

NO_PID = -1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

SYSTEM_FIELDS = (
    "ipaddress",
    "hostname",
    "arquitectura_proc",
    "marca_proc",
    "nombre_so",
    "version_so",
    "distribucion",
    "version_distribucion",
    "nucleo",
    "id_arranque",
    "version_agente",
)


class Items(NamedTuple):
    """What one report has of one fact: a column for each of its parts."""

    labels: Sequence[Label]
    pids: Sequence[int]
    """Of each item; `NO_PID` without one."""
    starts: Sequence[datetime | None]
    """Of each item, when it began, where that is known; empty where it never is."""


NOTHING = Items([], [], [])


def ms_of(start: datetime | None) -> int | None:
    """Give a start in milliseconds since 1970; None where it is not known."""
    return None if start is None else (start - _EPOCH) // _MS


class Fact(NamedTuple):
    """A field of the report whose history is kept."""

    field: str
    items: Callable[[Report], Items]
    ends_with_boot: bool
    """Whether nothing of it outlives a reboot."""
    columns: tuple[str, ...] = ("name",)
    """What the texts of its label are called in a report."""


def _system(field: str) -> Fact:
    value = attrgetter(field)

    def items(report: Report) -> Items:
        text = value(report)
        return NOTHING if text is None else Items([(text, None)], [NO_PID], [])

    return Fact(field, items, ends_with_boot=False)


def _processes(report: Report) -> Items:
    found = report.procesos
    return Items(
        [(process.name, process.username) for process in found],
        [process.pid for process in found],
        [process.inicio for process in found],
    )


def _sessions(report: Report) -> Items:
    found = report.usuarios_activos
    pids = [NO_PID if session.pid is None else session.pid for session in found]
    return Items([(session.name, None) for session in found], pids, [])


LISTS = (
    Fact("procesos", _processes, ends_with_boot=True, columns=("name", "username")),
    Fact("usuarios_activos", _sessions, ends_with_boot=True),
)

SYSTEM = tuple(map(_system, SYSTEM_FIELDS))

FIELDS = tuple(fact.field for fact in LISTS + SYSTEM)
"""Of all facts."""

system_values = attrgetter(*SYSTEM_FIELDS)
"""Gives the values of all facts of the system in a report: the same tuple, the same keys."""
