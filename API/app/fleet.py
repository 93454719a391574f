"""The fleet as the console shows it: servers that are found, counted and put in order. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

from API.app.queries.admission import RETIRED, REVOKED
from API.app.queries.cumplimiento import SEVERITIES, VERDICTS

GRAVE = ("critica", "alta")
"""Severities that the console raises its voice for."""
KEPT = 20
"""Lists of a fleet that are kept: the pages of one, and what polls it, don't make it again."""
AWAY = ("callado", "ausente")
"""States of servers of which nobody knows whether they comply."""
STANDINGS = (*SEVERITIES, "exceptuado", "cumple", "sin_veredicto")
"""How a server complies: the severest policy that it fails, or that it fails none."""


class Server(NamedTuple):
    """One server, as a line of a list."""

    num_agente: int
    id_agente: str
    hostname: str | None
    ipaddress: str | None
    state: str
    system: str
    labels: tuple[str, ...]
    last_report: str | None
    standing: str
    failing: int
    """Policies that it fails without an exception."""
    excepted: int
    text: str
    """All that a search looks at."""

    @property
    def in_service(self) -> bool:
        """Whether lists and scores are about it."""
        return self.state not in (RETIRED, REVOKED)

    @property
    def in_trouble(self) -> bool:
        """Whether somebody should look at it now."""
        return self.in_service and (self.standing in GRAVE or self.state in AWAY)


class PolicyStanding(NamedTuple):
    """A policy in force, and how the fleet stands."""

    num_politica: int
    id: str
    title: str
    severity: str
    to_judge: int
    """Servers that it has yet to judge since it changed."""
    since: int | None
    """Since when the first of those fails that fail it now (ms since 1970)."""
    counts: Mapping[str, int]
    """By verdict, of servers in service."""

    @property
    def failing(self) -> int:
        """How many servers fail it without an exception."""
        return self.counts["no_cumple"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All servers and policies at one moment."""

    servers: tuple[Server, ...]
    policies: tuple[PolicyStanding, ...]
    """The severest first."""
    states: Mapping[str, int]
    """How many servers are in each."""
    trouble: int
    complying: int
    """Servers in service that fail no policy, excepted or not."""
    judged: int
    """Servers in service of which there are verdicts."""
    listed: Callable[["Wanted", str], "Narrowed"]
    """Narrows the servers, and sorts them by one of `ORDERS`; the latest lists are kept."""

    @property
    def share(self) -> float | None:
        """Give the share of servers that comply with everything; None before the first verdict."""
        return self.complying / self.judged if self.judged else None

    @property
    def counts(self) -> dict[str, int]:
        """Count the verdicts of all policies."""
        return {name: sum(each.counts[name] for each in self.policies) for name in VERDICTS}


def fleet_of(servers: Iterable[Server], policies: Iterable[PolicyStanding]) -> Fleet:
    """Put a fleet together."""
    found = tuple(servers)
    judged = [each for each in found if each.in_service and each.standing != "sin_veredicto"]
    return Fleet(
        servers=found,
        policies=tuple(sorted(policies, key=_by_severity)),
        states=Counter(each.state for each in found),
        trouble=sum(each.in_trouble for each in found),
        complying=sum(each.standing == "cumple" for each in judged),
        judged=len(judged),
        listed=lru_cache(KEPT)(partial(_listed, found)),
    )


def _by_severity(policy: PolicyStanding) -> tuple[int, int, str]:
    return SEVERITIES.index(policy.severity), -policy.failing, policy.id


class Wanted(NamedTuple):
    """What a list of servers is narrowed to, each where it is given."""

    search: str = ""
    estado: str = ""
    cumplimiento: str = ""
    so: str = ""
    etiqueta: str = ""
    graves: str = ""


FACETS: dict[str, Callable[[Server], tuple[str, ...]]] = {
    "estado": lambda server: (server.state,),
    "cumplimiento": lambda server: (server.standing,),
    "so": lambda server: (server.system,),
    "etiqueta": lambda server: server.labels,
    "graves": lambda server: ("si",) if server.in_trouble else ("no",),
}
"""By what a list can be narrowed: the values that a server has."""


class Narrowed(NamedTuple):
    """Servers that are wanted, and how many there would be with another value of each facet."""

    servers: list[Server]
    facets: dict[str, Counter[str]]


def _listed(servers: tuple[Server, ...], wanted: Wanted, order: str) -> Narrowed:
    found = narrow(servers, wanted)
    return Narrowed(in_order(found.servers, order), found.facets)


def narrow(servers: Iterable[Server], wanted: Wanted) -> Narrowed:
    """Find the servers that are wanted; retired ones only where their state is asked for.

    The count beside a value of a facet is that of the list which choosing it would give.
    """
    checks = _checks(wanted)
    for word in wanted.search.casefold().split():
        servers = [server for server in servers if word in server.text]
    found: list[Server] = []
    beside: dict[str, list[Server]] = {name: [] for name in FACETS}
    for server in servers:
        amiss = [name for name, fits in checks.items() if not fits(server)]
        if not amiss:
            found.append(server)
        elif len(amiss) == 1:
            beside[amiss[0]].append(server)
    facets = {
        name: Counter(chain.from_iterable(map(values, chain(found, beside[name]))))
        for name, values in FACETS.items()
    }
    return Narrowed(found, facets)


def _checks(wanted: Wanted) -> dict[str, Callable[[Server], bool]]:
    """Give what must hold of a server, by facet."""
    checks: dict[str, Callable[[Server], bool]] = {"estado": lambda server: server.in_service}
    for name, values in FACETS.items():
        if value := getattr(wanted, name):
            checks[name] = partial(_has, values, value)
    return checks


def _has(values: Callable[[Server], tuple[str, ...]], value: str, server: Server) -> bool:
    return value in values(server)


ORDERS: dict[str, Callable[[Server], Any]] = {
    "nombre": lambda server: (server.hostname or server.id_agente).casefold(),
    "direccion": lambda server: _numbers(server.ipaddress or ""),
    "estado": lambda server: server.state,
    "so": lambda server: server.system,
    "cumplimiento": lambda server: (STANDINGS.index(server.standing), -server.failing),
    "ultimo": lambda server: server.last_report or "",
}
"""What a list can be sorted by."""


def in_order(servers: list[Server], order: str) -> list[Server]:
    """Sort a list by one of `ORDERS`; a dash before it turns it around."""
    key = ORDERS[order.removeprefix("-")]
    named = sorted(servers, key=ORDERS["nombre"]) if order.lstrip("-") != "nombre" else servers
    return sorted(named, key=key, reverse=order.startswith("-"))


def _numbers(address: str) -> tuple[Any, ...]:
    """Sort 10.0.0.9 before 10.0.0.10."""
    return tuple(part.zfill(3) for part in address.split("."))
