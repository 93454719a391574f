"""Scores side by side: of servers, labels, policies, severities."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from API.app.queries.cumplimiento import Counts, VerdictFilters, as_score, tally, total

Numbered = Mapping[int, Counts]
"""Counts by the number of the server or policy."""


def scores(
    connection: Connection, momento: int, of: str, filters: VerdictFilters
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give the score of all that the filters leave, and those of its parts, the worst first.

    Args:
        connection: to the database.
        momento: at which the verdicts were in force, in milliseconds since 1970; `NOW` for now.
        of: one of `PARTS`.
        filters: which verdicts.
    """
    number, divide = PARTS[of]
    counts = tally(connection, momento, number, filters)
    parts = sorted(divide(connection, counts), key=_worst_first)
    return as_score(total(counts.values())), parts


def _worst_first(part: dict[str, Any]) -> tuple[bool, float, int]:
    score = part["puntaje"]
    return score is None, score or 0.0, -part["no_cumple"]


def _by_server(connection: Connection, counts: Numbered) -> Iterator[dict[str, Any]]:
    query = "SELECT num_agente, id_agente, hostname FROM agentes ORDER BY 1"
    for number, identity, hostname in connection.exec_driver_sql(query):
        if number in counts:
            yield {"id_agente": identity, "hostname": hostname} | as_score(counts[number])


def _by_label(connection: Connection, counts: Numbered) -> Iterator[dict[str, Any]]:
    query = "SELECT num_agente, etiquetas FROM agentes WHERE etiquetas IS NOT NULL ORDER BY 1"
    found: dict[tuple[str, str], list[Counts]] = {}
    for number, labels in connection.exec_driver_sql(query):
        if number in counts:
            for label in msgspec.json.decode(labels, type=dict[str, str]).items():
                found.setdefault(label, []).append(counts[number])
    for (name, value), servers in found.items():
        group = {"etiqueta": name, "valor": value, "servidores": len(servers)}
        yield group | as_score(total(servers))


def _by_policy(connection: Connection, counts: Numbered) -> Iterator[dict[str, Any]]:
    rows = connection.exec_driver_sql(_POLICIES)
    for number, name, title, severity in rows:
        if number in counts:
            policy = {"politica": name, "titulo": title, "severidad": severity}
            yield policy | as_score(counts[number])


def _by_severity(connection: Connection, counts: Numbered) -> Iterator[dict[str, Any]]:
    found: dict[str, list[Counts]] = {}
    for number, _, _, severity in connection.exec_driver_sql(_POLICIES):
        if number in counts:
            found.setdefault(severity, []).append(counts[number])
    for severity, policies in found.items():
        group = {"severidad": severity, "politicas": len(policies)}
        yield group | as_score(total(policies))


_POLICIES = "SELECT num_politica, id_politica, titulo, severidad FROM politicas ORDER BY 1"

Divide = Callable[[Connection, Numbered], Iterator[dict[str, Any]]]
PARTS: dict[str, tuple[Literal["num_politica", "num_agente"], Divide]] = {
    "servidor": ("num_agente", _by_server),
    "etiqueta": ("num_agente", _by_label),
    "politica": ("num_politica", _by_policy),
    "severidad": ("num_politica", _by_severity),
}
"""What scores may be of: what the verdicts are counted by, and how the counts are divided."""
