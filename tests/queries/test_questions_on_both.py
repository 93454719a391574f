"""What pages, routes and reports ask gives the same on PostgreSQL as on SQLite."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from API.app import sight as seeing
from API.app.auditing.audit import Audit
from API.app.auditing.model import Scope
from API.app.facts import FIELDS
from API.app.queries import (
    alertas,
    auditoria,
    cambios,
    cumplimiento,
    flota,
    informe,
    politicas,
    puntajes,
    quien,
    servers,
    servidor,
)
from API.app.queries.agentes import all_servers, watched
from API.app.queries.estado import state_at
from API.app.queries.estados import servers_by_state
from API.app.queries.excepciones import all_exceptions
from API.app.queries.times import as_ms
from API.app.questions import Questions
from tests.queries.lifelike import FIRST_AGENT, HOUR
from tests.two_databases import Both, assert_same, plain

LIST_FILTERS: tuple[dict[str, str], ...] = (
    {}, {"politica": "politica-2"}, {"severidad": "critica"}, {"veredicto": "exceptuado"},
    {"etiqueta": "entorno:produccion"}, {"etiqueta": 'rol:a"b:c'},
)  # fmt: skip


def test_verdicts_and_scores(both: Both) -> None:
    moments = [cumplimiento.NOW, *(as_ms(both.now) - hours * HOUR for hours in (2, 20))]
    for momento in moments:
        for given in (*LIST_FILTERS, {"agente": both.identity(1)}):
            filters = cumplimiento.VerdictFilters(**given)
            both.ask(cumplimiento.score, momento, filters)
            place = cumplimiento.VerdictPlace(1, 3)
            both.ask(cumplimiento.verdicts, momento, filters, place, 9)
            for part in puntajes.PARTS:
                both.ask(puntajes.scores, momento, part, filters)
    assert both.ask(cumplimiento.policies)
    assert both.ask(cumplimiento.severities)
    both.ask(cumplimiento.lag)
    assert both.ask(cumplimiento.policy, "politica-1")
    assert both.ask(cumplimiento.policy, "politica-5") is None


def test_states_at_any_moment(both: Both) -> None:
    for number in (1, 3, 101):
        for hours in (-1, 0, 1, 3, 4, 20, 50):
            momento = as_ms(both.now) - hours * HOUR
            assert both.ask(state_at, both.identity(number), momento)
    counts = both.ask(servers_by_state, both.now.replace(tzinfo=None))
    assert counts["reportando"] + counts["nuevo"] == 4
    assert both.ask(all_servers)
    assert both.ask(all_exceptions)


def test_lists_of_the_console(both: Both) -> None:
    for given in ({}, {"estado": "abierta"}, {"etiqueta": "entorno:produccion"}):
        filters = alertas.AlertFilters(**given)
        both.ask(alertas.alerts, filters, alertas.NEWEST, 5)
    for ask in (alertas.open_counts, alertas.waiting, alertas.undecided, auditoria.known):
        assert both.ask(ask)
    for trail in ({}, {"quien": "ana"}, {"accion": "agente."}, {"objeto": FIRST_AGENT}):
        wanted = auditoria.TrailFilters(**trail)
        both.ask(auditoria.entries, wanted, auditoria.NEWEST, 4)
    known = both.ask(servers.stored_on, both.now.date() - timedelta(days=1))
    for number in (700, 1_100, *(row[0] for row in known[:3])):
        both.ask(servers.report_as_posted, number)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_one_server_over_time(both: Both, number: int) -> None:
    for hours in (None, 4, 20):
        at_ms = None if hours is None else as_ms(both.now) - hours * HOUR
        both.ask(seen, both.identity(number), at_ms)


def seen(connection: Connection, id_agente: str, at_ms: int | None) -> list[Any]:
    """Give what a server's page shows, but for what goes by the clock of this very moment."""
    sight = seeing.look(connection, id_agente, at_ms, "semana")
    assert sight
    lives = servidor.lives(connection, sight.server.num_agente, FIELDS, *sight.window)
    told = [seeing.timeline(sight, sight.at, field, search)
            for field in ("", "procesos") for search in ("", "ñan", "sh")]  # fmt: skip
    found: list[Any] = [
        sight.server.hostname, sight.server.primero, sight.server.conocido,
        sorted(lives.lives, key=repr), told, seeing.verdicts_at(sight),
        seeing.reports(sight, sight.at), seeing.report(sight, None), sight.previous_report,
        sight.previous_change, sight.next_change, sight.forgotten,
        sorted(servidor.verdict_periods(connection, sight.server.num_agente, 0, sight.at)),
    ]  # fmt: skip
    if at_ms is not None:
        found += [sight.state, sight.gaps[:-1], seeing.compare(sight, at_ms - 9 * HOUR)]
    return found


@pytest.mark.parametrize("name", ["sshd", "root", "deploy", "Ñandú", "zeta", "nobody"])
def test_who_runs_it(both: Both, name: str) -> None:
    for kind in ("", *quien.KINDS):
        labels = both.ask(quien.labels_of, name, kind)
        both.ask(quien.count_of, labels)
        for now in (True, False):
            both.ask(quien.sightings, labels, now, 1, 20)
        unordered = both.ask(everywhere, labels)
        assert labels or not unordered
    suggested = both.ask(quien.suggestions, name[:4])
    assert not labels or name in [row[0] for row in suggested]


def everywhere(connection: Connection, labels: list[int]) -> list[quien.Sighting]:
    return sorted(quien.sightings(connection, labels, False, 0, 500, in_order=False), key=repr)


def test_audit_reports(both: Both) -> None:
    end = as_ms(both.now)
    for given in ({}, {"politica": "politica-2"}, {"etiqueta": "entorno:produccion"}):
        scope = Scope(desde=end - 22 * HOUR, hasta=end - HOUR, **given)
        assert both.ask(audited, scope)
    both.ask(informe.unjudged, end)
    both.ask(informe.trail, end)


def audited(connection: Connection, scope: Scope) -> list[Any]:
    with Audit(connection, scope) as audit:
        return [audit.sha256, audit.hostnames, audit.servers, audit.time, audit.silence]


def test_changes_of_a_name_that_is_not_rare(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("API.app.queries.nombres.MOST_LABELS", 0)
    filters = cambios.ChangeFilters(nombre="python3", usuario="root")
    both.ask(cambios.changes, filters, 0, cambios.NEWEST, 50)


def test_what_is_asked_of_the_driver_itself(both: Both) -> None:
    at, momento = both.now.replace(tzinfo=None), as_ms(both.now)
    assert ask_directly(both, flota.progress)
    assert ask_directly(both, flota.servers, at)
    assert ask_directly(both, lambda each: sorted(flota.failures(each)))
    assert ask_directly(both, lambda each: sorted(flota.excepted(each, momento)))
    assert ask_directly(both, lambda each: sorted(flota.verdict_counts(each)))
    assert ask_directly(both, flota.policies_in_force)
    assert ask_directly(both, lambda each: sorted(flota.failing_since(each, momento - 9 * HOUR)))
    assert ask_directly(both, flota.latest_alerts, 7)
    assert ask_directly(both, flota.first_judged)
    assert ask_directly(both, watched, at)
    assert ask_directly(both, watched, at, FIRST_AGENT)
    assert ask_directly(both, politicas.document, "politica-1")
    for verdict in cumplimiento.VERDICTS:
        for skip in (0, 1):
            ask_directly(both, politicas.servers_by_verdict, 1, verdict, momento, 3, skip)
    assert ask_directly(both, politicas.waivers, 2)
    assert ask_directly(both, politicas.latest_reports)


def ask_directly(both: Both, question: Callable[..., Any], *arguments: Any) -> Any:
    said = []
    for url in both.urls:
        questions = Questions(url)
        with questions.connect() as connection:
            said.append(plain(question(connection, *arguments)))
        questions.close()
    assert_same(said[1], said[0])
    return said[0]
