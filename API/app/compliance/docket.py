"""What is read of the reports that are judged together, in a few questions for all of them.

Of each: what came or went since the report of its server before it. Of some, all that they list.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance.desk import PROCESSES, Desk, Item
from API.app.compliance.given import asked, given
from API.app.compliance.guard import ROWS
from API.app.compliance.subjects import Subject


class Case(NamedTuple):
    """A report that is the latest of its server when its turn comes."""

    subject: Subject
    before: Subject | None
    """The report before it; None where there is none."""


class Change(NamedTuple):
    """Something that a report has and the one before it has not, or the other way round."""

    came: int
    """0: it went."""
    item: Item


def changes_of(connection: Connection, cases: Iterable[Case]) -> Mapping[int, Sequence[Change]]:
    """Give what came or went with each of some reports, by their numbers."""
    spans = [
        (subject.id_serv, subject.num_agente, before.momento, subject.momento)
        for subject, before in cases
        if before
    ]
    found: dict[int, list[Change]] = defaultdict(list)
    for id_serv, came, *item in asked(connection, _CHANGES, spans):
        found[id_serv].append(Change(came, Item._make(item)))
    return found


def items_of(
    connection: Connection, subjects: Iterable[Subject], names: Collection[str] | None
) -> Mapping[int, Sequence[Item]]:
    """Give the processes and sessions of each of some reports, by their numbers.

    Args:
        connection: to the database.
        subjects: the reports.
        names: of the processes that are to be given; None: all.
    """
    moments = [(subject.id_serv, subject.num_agente, subject.momento) for subject in subjects]
    found: dict[int, list[Item]] = {id_serv: [] for id_serv, *_ in moments}
    if names is None:
        rows = asked(connection, _ITEMS, moments)
    else:
        rows = asked(connection, f"{_ITEMS} {_NAMED}", moments, names)
    for id_serv, *item in rows:
        found[id_serv].append(Item._make(item))
    return found


def unread(desk: Desk, cases: Iterable[Case]) -> Iterator[Subject]:
    """Give the reports of which not changes alone must be read, but all that they list.

    What is kept of the report before was brought up to it by what could be gathered of it; where
    something could not, a late report may have changed what stands for it meanwhile.
    """
    known: set[int] = set()
    for subject, before in cases:
        kept = subject.num_agente in known or (before and desk.keeps(before.id_serv))
        if not (kept and before and _lists_all(before) and _lists_all(subject)):
            yield subject
        known.add(subject.num_agente)


def turn_to(
    desk: Desk, case: Case, lists: Mapping[int, Sequence[Item]], changes: Sequence[Change]
) -> None:
    """Have at hand what a report lists.

    Args:
        desk: where it is to be.
        case: the report.
        lists: what was read of those that are `unread`.
        changes: since the report before it.
    """
    subject, before = case
    if subject.id_serv in lists:
        desk.take(subject, lists[subject.id_serv])
    elif before and desk.keeps(before.id_serv):
        gone = [change.item for change in changes if not change.came]
        desk.follow(subject, gone, [change.item for change in changes if change.came])


def _lists_all(subject: Subject) -> bool:
    return subject.errores.keys().isdisjoint(ROWS)


_ITEM = "h.campo, h.nombre, h.valor, p.id_hecho, p.pid, p.veces"
_CHANGES = f"""
    {given("id_serv", "num_agente", "antes", "momento")}
    SELECT d.id_serv, CASE WHEN p.hasta <= d.momento THEN 0 ELSE 1 END, {_ITEM}
    FROM dados d CROSS JOIN periodos p
        ON p.num_agente = d.num_agente AND p.hasta > d.antes AND p.desde <= d.momento
    CROSS JOIN hechos h ON h.id_hecho = p.id_hecho
    WHERE (p.hasta <= d.momento) <> (p.desde > d.antes)
"""  # noqa: S608 - text of our own
"""Between two reports something differs where a period begins or ends: after the one, and not after
the other. What does both was in neither."""
_ITEMS = f"""
    {given("id_serv", "num_agente", "momento")}
    SELECT d.id_serv, {_ITEM}
    FROM dados d CROSS JOIN periodos p
        ON p.num_agente = d.num_agente AND p.hasta > d.momento AND p.desde <= d.momento
    CROSS JOIN hechos h ON h.id_hecho = p.id_hecho
    WHERE h.campo IN ({", ".join(f"'{name}'" for name in ROWS)})
"""  # noqa: S608
_NAMED = f"""
    AND (h.campo <> '{PROCESSES}' OR h.nombre IN (SELECT value FROM json_each(?)))
"""  # noqa: S608
