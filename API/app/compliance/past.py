"""Judges a report that came late: it changes what was true, and so what is said of the past."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance import ledger
from API.app.compliance.court import Court
from API.app.compliance.subjects import Subject, select_subjects
from API.app.compliance.timeline import Judged, Period, rebuild
from API.app.ingest.retention import limits_of
from createDB.schema import OPEN


class Rewrite(NamedTuple):
    """Periods, and what stands in their place."""

    old: Sequence[Period]
    new: Sequence[Period]


def judge_late(court: Court, connection: Connection, subject: Subject) -> None:
    """Judge a report that stands before others that were judged, and whatever it changes.

    That is the stretch up to the next report, and for policies that look at other reports too all
    that comes after it. One whose days were over before it came changes nothing.
    """
    rewrites: list[Rewrite] = []
    if subject.momento >= limits_of(connection).reportes:
        rewrites = _rewrites(court, connection, subject)
    court.write(lambda writing: _note(writing, rewrites, subject.id_serv))
    court.place = court.noted = subject.id_serv
    court.forget(subject.num_agente)


def _note(connection: Connection, rewrites: Sequence[Rewrite], id_serv: int) -> None:
    for rewrite in rewrites:
        ledger.replace(connection, rewrite.old, rewrite.new)
    ledger.advance(connection, id_serv)


def _rewrites(court: Court, connection: Connection, subject: Subject) -> list[Rewrite]:
    place = (subject.num_agente, subject.id_serv, subject.momento)
    previous = select_subjects(connection, _BEFORE, *place)
    later = select_subjects(connection, _AFTER, *place)
    found = ledger.periods_from(connection, subject.num_agente, subject.momento)
    rewrites = []
    for number in sorted(court.rulebook.by_report):
        periods = found.get(number, [])
        if not periods or periods[0].desde > later[0].momento:
            continue  # it was not in force yet
        stretch = _Stretch(court, number, previous, subject, later, periods)
        wide = number in court.rulebook.with_reports
        rewrite = stretch.all_after() if wide else stretch.up_to_next()
        if rewrite:
            rewrites.append(rewrite)
    return rewrites


class _Stretch(NamedTuple):
    """What a policy says of a server from a late report on."""

    court: Court
    number: int
    previous: Sequence[Subject]
    subject: Subject
    later: Sequence[Subject]
    periods: Sequence[Period]

    def up_to_next(self) -> Rewrite | None:
        """Judge the report, for as long as it is the latest."""
        judged, end = self._judged(self.subject), self.later[0].momento
        cover, following = self._cover()
        if cover and cover.veredicto == judged.outcome.veredicto:
            return None
        if cover and cover.hasta > end:
            evidence = self._judged(self.later[0]).outcome.evidencia
            rest = cover._replace(desde=end, evidencia=evidence)
            after: Period | None = rest.showing(cover.latest, cover.razon)
            old = [cover]
        else:
            after = following[0] if following and following[0].desde == end else None
            old = [period for period in (cover, after) if period]
        new = rebuild(self._shortened(cover), [judged], after, self.periods[0], end)
        return Rewrite(old, new)

    def all_after(self) -> Rewrite:
        """Judge the report, and all that come after it."""
        judged = [self._judged(report) for report in (self.subject, *self.later)]
        cover, _ = self._cover()
        new = rebuild(self._shortened(cover), judged, None, self.periods[0], OPEN)
        return Rewrite(self.periods, new)

    def _cover(self) -> tuple[Period | None, Sequence[Period]]:
        """Give the period that the report falls into, and those after it."""
        first = self.periods[0]
        return (
            (first, self.periods[1:])
            if first.desde < self.subject.momento
            else (None, self.periods)
        )

    def _shortened(self, cover: Period | None) -> Period | None:
        """Let a period end at the report, with the evidence of the report before it."""
        if cover is None:
            return None
        shorter = cover._replace(hasta=self.subject.momento)
        if self.previous:
            outcome = self._judged(self.previous[0]).outcome
            if outcome.veredicto == cover.veredicto:
                shorter = shorter.showing(outcome.evidencia, outcome.razon)
        return shorter

    def _judged(self, subject: Subject) -> Judged:
        outcome = self.court.outcome(self.number, subject, subject.recibido)
        return Judged(subject.momento, outcome)


_BEFORE = "s.num_agente = ? AND s.id_serv < ? AND s.momento < ? ORDER BY s.momento DESC LIMIT 1"
_AFTER = "s.num_agente = ? AND s.id_serv < ? AND s.momento > ? ORDER BY s.momento"
