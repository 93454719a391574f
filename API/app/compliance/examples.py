"""Runs the examples that a policy carries: stored as reports are, judged as reports are."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, Engine

from API.app.compliance.guard import Guard
from API.app.compliance.guards import AnyGuard
from API.app.compliance.judging import Outcome, Verdict, judge
from API.app.compliance.library import Rule
from API.app.compliance.sandbox import empty, engine_of
from API.app.compliance.subjects import Subject, select_subjects
from API.app.ingest.entry import Entry, entry_from_body
from API.app.ingest.sql import sql_time
from API.app.ingest.store import Store
from API.app.report import InvalidReportError, agent_of
from createDB.views import Layout

NOW = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - UTC; a Friday
"""When the examples are judged."""

HEALTHY: dict[str, Any] = {
    "arquitectura_proc": "X86_64",
    "marca_proc": "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz",
    "nombre_so": "Linux",
    "version_so": "#1 SMP Debian 6.1.99-1 (2024-07-15)",
    "ipaddress": "192.0.2.15",
    "hostname": "web-07.example.net",
    "distribucion": "debian",
    "version_distribucion": "13",
    "nucleo": "6.12.48+deb13-amd64",
    "id_arranque": "0f0e7a52-6b1e-4c0d-9f3a-0d4f2f6f8a11",
    "intervalo": 300,
    "procesos": [
        {"pid": 1, "name": "systemd", "username": "root"},
        {"pid": 410, "name": "sshd", "username": "root"},
    ],
    "usuarios_activos": [],
}


NewGuard = Callable[[], AnyGuard]


class Place(Protocol):
    """A kind of database that examples are judged in."""

    @property
    def layout(self) -> Layout:
        """Its layout."""

    def empty(self) -> AbstractContextManager[tuple[Engine, NewGuard]]:
        """Give an empty one, and who runs queries once all is stored."""


class InMemory(NamedTuple):
    """SQLite, in memory."""

    layout: Layout

    def __str__(self) -> str:
        return self.layout

    @contextmanager
    def empty(self) -> Iterator[tuple[Engine, NewGuard]]:
        """Make one, and throw it away."""
        connection = empty(self.layout)
        try:
            yield engine_of(connection), lambda: Guard(connection)
        finally:
            connection.close()


class Failure(NamedTuple):
    """An example of which the policy does not say what it should."""

    place: Place
    expected: Verdict
    number: int
    """Of the example, from 1 on."""
    outcome: Outcome | None
    """What it says; None where the example is no report."""
    reason: str = ""


Case = Sequence[dict[str, Any]]
"""The reports of one example; the last is judged."""


BOTH_LAYOUTS = tuple(InMemory(layout) for layout in Layout)


def failures(rule: Rule, places: Sequence[Place] = BOTH_LAYOUTS) -> Iterator[Failure]:
    """Give the examples of a policy that fail, in each of some places."""
    for place in places:
        for expected, number, outcome in outcomes(rule, place):
            if isinstance(outcome, str):
                yield Failure(place, expected, number, None, outcome)
            elif outcome.veredicto is not expected:
                yield Failure(place, expected, number, outcome)


def outcomes(rule: Rule, place: Place) -> Iterator[tuple[Verdict, int, Outcome | str]]:
    """Judge the examples of a policy.

    Returns:
        what each is to be, its number, and what it is: why it is no report, as a text.
    """
    cases = {
        expected: [case if isinstance(case, list) else [case] for case in found]
        for expected, found in (
            (Verdict.CUMPLE, rule.policy.ejemplos.cumple),
            (Verdict.NO_CUMPLE, rule.policy.ejemplos.no_cumple),
        )
    }
    every = [case for found in cases.values() for case in found]
    for expected, of_kind in cases.items():
        for number, case in enumerate(of_kind, 1):
            others = [] if rule.scope.fleet else [other for other in every if other is not case]
            try:
                yield expected, number, _judged(rule, case, others, place)
            except (InvalidReportError, TypeError) as error:
                yield expected, number, f"no es un reporte: {error}"


def _judged(rule: Rule, case: Case, others: Sequence[Case], place: Place) -> Outcome:
    """Judge an example.

    The other examples are there too, as other servers: a query that looks at their rows, as one
    that forgets `id_serv = :id_serv` does, gives itself away.
    """
    with place.empty() as (engine, new_guard):
        with engine.begin() as storing:
            store = Store(rows=place.layout is Layout.COMPLETO)
            for number, other in enumerate(others):
                _store(storing, store, [{**report, **_named(number)} for report in other])
            subject = _store(storing, store, case)
        return judge(new_guard(), rule, subject, sql_time(NOW))


def _store(connection: Connection, store: Store, case: Case) -> Subject:
    """Store the reports of an example, and give the last."""
    for fields in case:
        labels = json.dumps(fields.get("etiquetas", {}))
        [stored] = store.store(connection, [_entry(fields)], NOW)
        connection.exec_driver_sql(_LABEL, (labels, stored.id_serv))
    [subject] = select_subjects(connection, "s.id_serv = ?", stored.id_serv)
    return subject


def _named(number: int) -> dict[str, str]:
    return {"id_agente": str(uuid.UUID(int=1_000 + number, version=4))}


_LABEL = "UPDATE agentes SET etiquetas = ? WHERE id_serv = ?"


def _entry(fields: dict[str, Any]) -> Entry:
    """Make a report of an example's fields; `hace` says how long ago it came."""
    at = NOW - timedelta(seconds=fields.get("hace", 0))
    report = HEALTHY | {"fecha_hora": f"{sql_time(at)}Z"} | fields
    report.setdefault("id_agente", str(uuid.UUID(int=7, version=4)))
    report.setdefault("id_reporte", str(uuid.uuid4()))
    entry = entry_from_body(msgspec.json.encode(report))
    return entry._replace(recibido=at, id_agente=agent_of(entry.report))
