"""The facts whose history is kept, declared once.

To follow another one, add a row to `LISTS` or a name to `SYSTEM_FIELDS`; the writer, the periods
and the queries go by these and know no fact by its name. What is true of a server at the moment of
a report is a list of items, each with a label (a name, and a second text where it has one: who,
which version), and a process id where it has one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from API.app.report import Report

Label = tuple[str, str | None]

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


class Fact(NamedTuple):
    """A field of the report whose history is kept."""

    field: str
    items: Callable[[Report], Sequence[Any]]
    label: Callable[[Any], Label]
    pid: Callable[[Any], int | None]
    start: Callable[[Any], datetime | None]
    keys: Callable[[Sequence[Any], Mapping[Label, int]], list[int]]
    """The keys (see `ingest.labels`) of items whose labels have these numbers; KeyError where one
    has none. It says the same as `label` and `pid`, an item at a time, and is run for every item
    of every report: written out, it takes a third of the time."""
    ends_with_boot: bool
    """Whether nothing of it outlives a reboot."""
    columns: tuple[str, ...] = ("name",)
    """What the texts of its label are called in a report."""


def _nothing(_item: object) -> None:
    return None


def _system(field: str) -> Fact:
    value = attrgetter(field)
    return Fact(
        field,
        items=lambda report: () if value(report) is None else (report,),
        label=lambda report: (value(report), None),
        pid=_nothing,
        start=_nothing,
        keys=lambda reports, known: [known[value(report), None] << 32 for report in reports],
        ends_with_boot=False,
    )


LISTS = (
    Fact(
        "procesos",
        items=lambda report: report.procesos,
        label=lambda process: (process.name, process.username),
        pid=lambda process: process.pid,
        start=lambda process: process.inicio,
        keys=lambda processes, known: [
            known[process.name, process.username] << 32 | process.pid + 1 for process in processes
        ],
        ends_with_boot=True,
        columns=("name", "username"),
    ),
    Fact(
        "usuarios_activos",
        items=lambda report: report.usuarios_activos,
        label=lambda session: (session.name, None),
        pid=lambda session: session.pid,
        start=_nothing,
        keys=lambda sessions, known: [
            known[session.name, None] << 32 | (0 if session.pid is None else session.pid + 1)
            for session in sessions
        ],
        ends_with_boot=True,
    ),
)

SYSTEM = tuple(map(_system, SYSTEM_FIELDS))

FIELDS = tuple(fact.field for fact in LISTS + SYSTEM)
"""Of all facts."""

system_values = attrgetter(*SYSTEM_FIELDS)
"""Gives the values of all facts of the system in a report: the same tuple, the same keys."""
