"""The facts of a report: each declared once, here, and gathered by a module of its own.

To add one: write its module, with reading and deciding apart, and add a line to FACTS.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from boot import BootCache
from collectors import address, operating_system, processes, processor, sessions
from collectors.context import Context
from collectors.usernames import Usernames
from deadline import Patience
from guest import Budget
from messages import why

__all__ = ["FACTS", "BootCache", "Budget", "Context", "Fact", "Gathered", "Usernames", "gather"]


class Fact(NamedTuple):
    """Fields that are gathered together, each with what it holds when that fails."""

    empty: Mapping[str, Any]
    gather: Callable[[Context], Mapping[str, Any]]


class Gathered(NamedTuple):
    """All fields; why some could not be gathered; seconds that each fact took, by first field."""

    fields: dict[str, Any]
    errors: dict[str, str]
    seconds: dict[str, float]


FACTS: tuple[Fact, ...] = (
    Fact({"arquitectura_proc": ""}, processor.gather_architecture),
    Fact({"marca_proc": ""}, processor.gather_brand),
    Fact({"nombre_so": "", "version_so": "", "hostname": None, "nucleo": None},
         operating_system.gather_kernel),
    Fact({"distribucion": None, "version_distribucion": None},
         operating_system.gather_distribution),
    Fact({"id_arranque": None}, operating_system.gather_boot_id),
    Fact({"arranque": None}, operating_system.gather_boot_time),
    Fact({"ipaddress": ""}, address.gather),
    Fact({"procesos": []}, processes.gather),
    Fact({"usuarios_activos": []}, sessions.gather),
)  # fmt: skip


LONGEST = 60.0  # seconds for one fact: a process in trouble can make reading /proc hang
PATIENCE = Patience(LONGEST)


def gather(
    context: Context, facts: Sequence[Fact] = FACTS, patience: Patience = PATIENCE
) -> Gathered:
    """Gather every fact. One that fails or hangs says why and never stops the others."""
    fields: dict[str, Any] = {}
    errors: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for fact in facts:
        start, name = time.perf_counter(), next(iter(fact.empty))
        found = dict(fact.empty)
        try:
            found |= patience.call(name, partial(fact.gather, context))
        except Exception as error:  # noqa: BLE001 - whatever fails in one fact is that fact's
            errors |= dict.fromkeys(fact.empty, why(error))
        fields |= found
        seconds[name] = time.perf_counter() - start
    return Gathered(fields, errors, seconds)
