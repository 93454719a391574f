"""Scores of the fleet and its parts: as counting the listed verdicts one by one gives them."""

import random
from collections import Counter
from typing import Any

import pytest

from API.app.queries.cumplimiento import (
    NOW,
    VERDICTS,
    VerdictFilters,
    VerdictPlace,
    policies,
    score,
    verdicts,
)
from API.app.queries.puntajes import PARTS, scores
from API.app.queries.times import now_ms
from tests.past import Past, at

LABELS = ('{"entorno": "pruebas", "sitio": "norte"}', '{"entorno": "produccion"}', None)
FILTERS = (
    VerdictFilters(),
    VerdictFilters(severidad="critica"),
    VerdictFilters(politica="p-2"),
    VerdictFilters(etiqueta="entorno:pruebas"),
    VerdictFilters(etiqueta="entorno:otra"),
    VerdictFilters(veredicto="exceptuado"),
    VerdictFilters(veredicto="no_cumple", severidad="alta"),
    VerdictFilters(agente="00000000-0000-4000-8000-000000000001"),
)


@pytest.fixture
def mixed(past: Past) -> Past:
    """Servers and policies with all verdicts, exceptions of all kinds, one server retired."""
    chance = random.Random(7)
    for policy in range(1, 6):
        past.policy(policy, f"p-{policy}", severidad="critica" if policy % 2 else "alta")
    for number in range(1, 10):
        past.server(number, 0, etiquetas=LABELS[number % 3],
                    estado="retirado" if number == 9 else "activo")  # fmt: skip
        for policy in range(1, 6):
            begin = 0
            for _ in range(3):
                end = begin + chance.randint(1, 100)
                verdict = chance.choice(["cumple", "no_cumple", "no_cumple", "sin_datos",
                                         "no_aplica"])  # fmt: skip
                past.said(number, policy, verdict, begin, end)
                begin = end
            past.said(number, policy, chance.choice(["cumple", "no_cumple"]), begin)
    long = 1_000_000
    past.waived(1, 0, long, num_agente=1)
    past.waived(1, 50, long, num_agente=1)
    past.waived(2, 10, 90, etiqueta="entorno", valor="pruebas")
    past.waived(3, 10, long, etiqueta="entorno")
    past.waived(4, 10, long, etiqueta="sitio", terminada=at(60))
    return past


def listed(past: Past, moment: int, filters: VerdictFilters) -> list[dict[str, Any]]:
    with past.engine.connect() as connection:
        return verdicts(connection, moment, filters, VerdictPlace(), 1_000).verdicts


@pytest.mark.parametrize("filters", FILTERS)
def test_the_score_counts_what_is_listed(mixed: Past, filters: VerdictFilters) -> None:
    for moment in (NOW, at(5), at(55), at(120)):
        rows = listed(mixed, moment, filters)
        counts = Counter(row["veredicto"] for row in rows)
        with mixed.engine.connect() as connection:
            found = score(connection, moment, filters)
        assert {verdict: found[verdict] for verdict in VERDICTS} == {
            verdict: counts[verdict] for verdict in VERDICTS
        }
        told = counts["cumple"] + counts["no_cumple"] + counts["exceptuado"]
        assert found["puntaje"] == (round(counts["cumple"] / told, 4) if told else None)


@pytest.mark.parametrize("of", PARTS)
def test_parts_are_scored_like_the_whole(mixed: Past, of: str) -> None:
    moment = at(55)
    with mixed.engine.connect() as connection:
        whole, parts = scores(connection, moment, of, VerdictFilters())
        assert whole == score(connection, moment, VerdictFilters())
        for part in parts:
            narrowed = {
                "servidor": lambda p: VerdictFilters(agente=p["id_agente"]),
                "etiqueta": lambda p: VerdictFilters(etiqueta=f"{p['etiqueta']}:{p['valor']}"),
                "politica": lambda p: VerdictFilters(politica=p["politica"]),
                "severidad": lambda p: VerdictFilters(severidad=p["severidad"]),
            }[of](part)
            assert score(connection, moment, narrowed).items() <= part.items()
    marks = [part["puntaje"] for part in parts]
    assert marks == sorted(marks, key=lambda mark: (mark is None, mark))
    sizes = {"servidor": 9, "etiqueta": 3, "politica": 5, "severidad": 2}
    assert len(parts) == sizes[of]


def test_who_is_retired_is_of_the_past_alone(mixed: Past) -> None:
    mixed.did(9, "agente.retirar", 60)
    retired = VerdictFilters(agente="00000000-0000-4000-8000-000000000009")
    everyone = {row["hostname"] for row in listed(mixed, NOW, VerdictFilters())}
    assert "web-9" not in everyone
    assert {row["hostname"] for row in listed(mixed, NOW, retired)} == {"web-9"}
    for moment, of_servers in ((at(60) - 1, 9), (at(60), 8), (now_ms(), 8)):
        there = {row["hostname"] for row in listed(mixed, moment, VerdictFilters())}
        assert ("web-9" in there, len(there)) == (of_servers == 9, of_servers)
        with mixed.engine.connect() as connection:
            _, parts = scores(connection, moment, "servidor", VerdictFilters())
        assert {part["hostname"] for part in parts} == there
    with mixed.engine.connect() as connection:
        assert sum(each["cumple"] + each["no_cumple"] + each["exceptuado"]
                   for each in policies(connection)) == 8 * 5  # fmt: skip
