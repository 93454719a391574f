"""The facts whose history is kept, declared once.

To follow another one, add a row to `FACTS`; the writer, the periods and the queries go by this
table and know no fact by its name. What is true of a server at the moment of a report is a list of
items, each with a label (a name, and a second text where it has one: who, which version), and a
process id where it has one.
"""

from collections.abc import Callable, Sequence
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
    ends_with_boot: bool
    """Whether nothing of it outlives a reboot."""


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
        ends_with_boot=False,
    )


FACTS = (
    Fact(
        "procesos",
        items=attrgetter("procesos"),
        label=attrgetter("name", "username"),
        pid=attrgetter("pid"),
        start=attrgetter("inicio"),
        ends_with_boot=True,
    ),
    Fact(
        "usuarios_activos",
        items=attrgetter("usuarios_activos"),
        label=lambda session: (session.name, None),
        pid=attrgetter("pid"),
        start=_nothing,
        ends_with_boot=True,
    ),
    *map(_system, SYSTEM_FIELDS),
)
