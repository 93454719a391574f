"""Judges reports that came late: they change what was true, and so what is said of the past.

What is said of a late report holds up to the next one of its server. Policies that look at other
reports too may say something else of those that come after it: that is left for later (`again`).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance import ledger
from API.app.compliance.court import Changes, Court
from API.app.compliance.docket import Case, changes_of
from API.app.compliance.subjects import Subject, neighbours
from API.app.compliance.timeline import Period, Rewrite, rebuild, shortened
from API.app.ingest.retention import limits_of


class Late(NamedTuple):
    """A late report, and those that were judged before it and stand next to it."""

    subject: Subject
    before: Subject | None
    after: Subject

    @property
    def case(self) -> Case:
        """The report, and the one before it."""
        return Case(self.subject, self.before)


LOOK_BACK_MS = 7 * 24 * 3_600_000
"""How far policies may look back at other reports, in milliseconds: what they said of a report is
said anew only while all of that is kept."""

Timelines = dict[tuple[int, int], dict[int, Period]]
"""Server and policy -> when it begins -> a period."""


def whole_since(connection: Connection) -> int:
    """Give the moment from which on all is kept that policies look at for a report."""
    limit = limits_of(connection).reportes
    return limit + LOOK_BACK_MS if limit else 0


def judge_late(
    court: Court, connection: Connection, subjects: Collection[Subject], in_time: Iterable[Case],
    changes: Changes,
) -> None:  # fmt: skip
    """Judge reports that stand before others that were judged.

    Those whose days were over before they came change nothing. Policies that look at other
    reports say nothing of those that came so late that some of these may be gone.

    Args:
        court: knows where their servers stand.
        connection: to the database.
        subjects: the reports.
        in_time: those that were judged just now, in their order.
        changes: what that changed; gets what the late ones change.
    """
    if not subjects:
        return
    limit = limits_of(connection).reportes
    whole = whole_since(connection)
    kept = [subject for subject in subjects if subject.momento >= limit]
    placed = _placed(court, connection, kept, [case.subject for case in in_time])
    differences = changes_of(connection, [late.case for late in placed])
    timelines = _timelines(connection, placed, changes)
    court.ask_ahead(kept)
    for late in placed:
        num_agente = late.subject.num_agente
        due = court.rulebook.due(late.case, differences.get(late.subject.id_serv, ()))
        if late.subject.momento < whole:
            due = due - court.rulebook.of_others
        for number in due:
            known = timelines.get((num_agente, number), {})
            if rewrite := _inserted(court, number, late, known):
                changes.replace(court.standings[num_agente], rewrite)
                for period in rewrite.old:
                    del known[period.desde]
                known.update({period.desde: period for period in rewrite.new})
        if court.rulebook.of_others:
            changes.owe(num_agente, late.after.momento)


def _placed(
    court: Court, connection: Connection, subjects: Sequence[Subject], in_time: Iterable[Subject]
) -> Sequence[Late]:
    """Find the neighbours of late reports, of which each is judged before those that follow it."""
    judged: dict[int, list[Subject]] = {subject.num_agente: [] for subject in subjects}
    for subject in in_time:
        if subject.num_agente in judged:
            judged[subject.num_agente].append(subject)
    stored = neighbours(connection, subjects, court.place)
    placed = []
    for subject in subjects:
        own = judged[subject.num_agente]
        others = [*filter(None, stored[subject.id_serv]), *own]
        before = [other for other in others if other.momento < subject.momento]
        after = [other for other in others if other.momento > subject.momento]
        placed.append(
            Late(subject, max(before, key=_moment, default=None), min(after, key=_moment))
        )
        own.append(subject)
    return placed


def _moment(subject: Subject) -> int:
    return subject.momento


def _timelines(connection: Connection, placed: Iterable[Late], changes: Changes) -> Timelines:
    """Give what is said of the servers of some late reports where these stand."""
    spans: dict[int, tuple[int, int]] = {}
    for late in placed:
        first, last = late.subject.momento, late.after.momento
        known = spans.get(late.subject.num_agente, (first, last))
        spans[late.subject.num_agente] = (min(known[0], first), max(known[1], last))
    found: Timelines = {}
    written = (period for period in changes.periods.values() if period.num_agente in spans)
    for period in (*ledger.periods_within(connection, spans), *written):
        found.setdefault(period[:2], {})[period.desde] = period
    return found


def _inserted(court: Court, number: int, late: Late, known: dict[int, Period]) -> Rewrite | None:
    """Tell what becomes of a policy's periods by a late report; None: they stay."""
    start, end = late.subject.momento, late.after.momento
    periods = sorted((p for p in known.values() if p.hasta > start), key=lambda p: p.desde)
    if not periods or periods[0].desde > end:
        return None  # it was not in force yet
    judged = court.judged(number, late.subject)
    first = periods[0]
    cover = first if first.desde < start else None
    if cover and cover.veredicto == judged.outcome.veredicto:
        if cover.hasta > end:
            return None
        return Rewrite([cover], [cover.showing(judged.outcome.evidencia, judged.outcome.razon)])
    if cover and cover.hasta > end:
        evidence = court.judged(number, late.after).outcome.evidencia
        after: Period | None = cover._replace(desde=end, evidencia=evidence).showing(
            cover.latest, cover.razon
        )
        old = [cover]
    else:
        after = next((period for period in periods if period.desde == end), None)
        old = [period for period in (cover, after) if period]
    before = court.judged(number, late.before) if cover and late.before else None
    new = rebuild(shortened(cover, before, start), [judged], after, first, end)
    return Rewrite(old, new)
