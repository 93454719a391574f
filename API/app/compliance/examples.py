"""Runs the examples that a policy carries: stored as reports are, judged as reports are."""

import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from API.app.compliance.guard import Guard
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


class Failure(NamedTuple):
    """An example of which the policy does not say what it should."""

    layout: Layout
    expected: Verdict
    number: int
    """Of the example, from 1 on."""
    outcome: Outcome | None
    """What it says; None where the example is no report."""
    reason: str = ""


Case = Sequence[dict[str, Any]]
"""The reports of one example; the last is judged."""


def failures(rule: Rule) -> Iterator[Failure]:
    """Give the examples of a policy that fail, in either layout."""
    cases = {
        expected: [case if isinstance(case, list) else [case] for case in found]
        for expected, found in (
            (Verdict.CUMPLE, rule.policy.ejemplos.cumple),
            (Verdict.NO_CUMPLE, rule.policy.ejemplos.no_cumple),
        )
    }
    every = [case for found in cases.values() for case in found]
    for layout, expected in itertools.product(Layout, cases):
        for number, case in enumerate(cases[expected], 1):
            others = [] if rule.scope.fleet else [other for other in every if other is not case]
            try:
                outcome = _judged(rule, case, others, layout)
            except (InvalidReportError, TypeError) as error:
                yield Failure(layout, expected, number, None, f"no es un reporte: {error}")
                continue
            if outcome.veredicto is not expected:
                yield Failure(layout, expected, number, outcome)


def _judged(rule: Rule, case: Case, others: Sequence[Case], layout: Layout) -> Outcome:
    """Judge an example.

    The other examples are there too, as other servers: a query that looks at their rows, as one
    that forgets `id_serv = :id_serv` does, gives itself away.
    """
    connection = empty(layout)
    try:
        with engine_of(connection).begin() as storing:
            store = Store(rows=layout is Layout.COMPLETO)
            for number, other in enumerate(others):
                _store(storing, store, [{**report, **_named(number)} for report in other])
            subject = _store(storing, store, case)
        return judge(Guard(connection), rule, subject, sql_time(NOW))
    finally:
        connection.close()


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
