"""The fleet as the console shows it, read in a few questions and kept until there is news."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from API.app.accounts.credentials import now
from API.app.fleet import Fleet, PolicyStanding, Server, fleet_of
from API.app.fresh import Fresh
from API.app.queries import flota
from API.app.queries.agentes import WatchedRow, watched
from API.app.queries.cumplimiento import SEVERITIES, VERDICTS
from API.app.queries.direct import Direct
from API.app.queries.flota import PolicyRow, ServerRow
from API.app.queries.times import as_ms
from API.app.questions import Questions
from API.app.roster import Agent, Roster, roster_of
from API.app.trend import SPAN_MS, Point, trend_of

LATELY_S = 10.0
"""As often as an open page asks for what stands in its head, in seconds."""


class Overview:
    """Reads the fleet for the pages of one process."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._fleet = Fresh(self._read_fleet)
        self._trend = Fresh(self._read_trend, rest=100)
        self._agents = Fresh(self._read_agents)

    def version(self) -> tuple[Any, ...]:
        """Tell what the views depend on: all that is stored, and the minute."""
        with self._questions.connect() as connection:
            return (*flota.progress(connection), f"{datetime.now(UTC):%H:%M}")

    def fleet(self, version: tuple[Any, ...]) -> tuple[Fleet, bool]:
        """Give all servers and policies, and whether they are of `version`, or a little older."""
        return self._fleet.get(version)

    def lately(self) -> Fleet:
        """Give the fleet as it was some seconds ago at most, or a little longer where it is large.

        For what stands beside what somebody asked for, and is not worth reading it anew.
        """
        return self._fleet.lately(LATELY_S) or self.fleet(self.version())[0]

    def agents(self, version: tuple[Any, ...]) -> tuple[Roster, bool]:
        """Give all agents, and whether they are of `version`, or a little older."""
        return self._agents.get(version)

    def related(self, id_agente: str) -> list[Agent]:
        """Give an agent as it is now, the one with whose token it enrolled, and those with its."""
        with self._questions.connect() as connection:
            return [_agent(row) for row in watched(connection, now(), id_agente)]

    def trend(self, version: tuple[Any, ...]) -> list[Point]:
        """Give how many servers complied in the last 30 days; of a large fleet, a minute ago."""
        return self._trend.get(version)[0]

    def _read_fleet(self) -> Fleet:
        at = now()
        with self._questions.connect() as connection:
            connection.execute("BEGIN")
            try:
                return _fleet(connection, at)
            finally:
                connection.rollback()

    def _read_agents(self) -> Roster:
        with self._questions.connect() as connection:
            return roster_of([_agent(row) for row in watched(connection, now())])

    def _read_trend(self) -> list[Point]:
        at = as_ms(datetime.now(UTC))
        with self._questions.connect() as connection:
            first = flota.first_judged(connection)
            return trend_of(first, flota.failing_since(connection, at - SPAN_MS), at)


def _fleet(connection: Direct, at: datetime) -> Fleet:
    rows = flota.servers(connection, at)
    policies = flota.policies_in_force(connection)
    excepted = flota.excepted(connection, as_ms(at.replace(tzinfo=UTC)))
    severities = {policy.num_politica: policy.severidad for policy in policies}
    failures, allowed = _by_server(flota.failures(connection), excepted, severities)
    servers = [_server(row, failures[row.num_agente], allowed[row.num_agente]) for row in rows]
    in_service = {server.num_agente for server in servers if server.in_service}
    counts = _by_policy(flota.verdict_counts(connection), excepted, in_service)
    return fleet_of(servers, [_policy(row, counts[row.num_politica]) for row in policies])


def _by_server(
    failures: Iterable[tuple[int, int]], excepted: set[tuple[int, int]], severities: dict[int, str]
) -> tuple[defaultdict[int, list[str]], Counter[int]]:
    """Give, by server, the severities that it fails, and how many failures are allowed."""
    failed: defaultdict[int, list[str]] = defaultdict(list)
    allowed: Counter[int] = Counter()
    for failure in failures:
        num_agente, num_politica = failure
        if failure in excepted:
            allowed[num_agente] += 1
        else:
            failed[num_agente].append(severities[num_politica])
    return failed, allowed


def _by_policy(
    found: Iterator[tuple[int, str, int]], excepted: set[tuple[int, int]], in_service: set[int]
) -> defaultdict[int, Counter[str]]:
    """Count the verdicts by policy, with those that are excepted apart."""
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for num_politica, verdict, number in found:
        counts[num_politica][verdict] += number
    for num_agente, num_politica in excepted:
        if num_agente in in_service:
            counts[num_politica]["no_cumple"] -= 1
            counts[num_politica]["exceptuado"] += 1
    return counts


def _policy(row: PolicyRow, counts: Counter[str]) -> PolicyStanding:
    shown = {verdict: counts[verdict] for verdict in VERDICTS}
    return PolicyStanding(*row, counts=shown)


def _agent(row: WatchedRow) -> Agent:
    labels = _labels(row.etiquetas)
    return Agent(
        id_agente=row.id_agente,
        hostname=row.hostname,
        state=row.situacion,
        version=row.version_agente,
        last_report=row.ultimo_reporte,
        labels=labels,
        skew=round(row.desfase or 0),
        dropped=row.descartados,
        clone_of=row.clon_de,
        clone_seen=row.clon_visto,
        rotating=bool(row.rotacion),
        has_token=bool(row.tiene_token),
        text="\n".join((row.hostname or "", row.id_agente, *labels)).casefold(),
    )


def _server(row: ServerRow, failures: list[str], excepted: int) -> Server:
    labels = _labels(row.etiquetas)
    system = " ".join(filter(None, (row.distribucion, row.version_distribucion)))
    system = system or row.nombre_so or ""
    searched = (row.hostname, row.ipaddress, system, row.nombre_so, row.id_agente, *labels)
    return Server(
        num_agente=row.num_agente,
        id_agente=row.id_agente,
        hostname=row.hostname,
        ipaddress=row.ipaddress,
        state=row.situacion,
        system=system,
        labels=labels,
        last_report=row.ultimo_reporte,
        standing=_standing(row, failures, excepted),
        failing=len(failures),
        excepted=excepted,
        text="\n".join(filter(None, searched)).casefold(),
    )


def _standing(row: ServerRow, failures: list[str], excepted: int) -> str:
    if failures:
        return min(failures, key=SEVERITIES.index)
    if excepted:
        return "exceptuado"
    return "cumple" if row.ultimo_reporte and row.juzgado else "sin_veredicto"


@lru_cache(maxsize=4_096)
def _labels(text: str | None) -> tuple[str, ...]:
    """Read a server's labels; many servers have the same."""
    return tuple(f"{name}:{value}" for name, value in json.loads(text or "{}").items())
