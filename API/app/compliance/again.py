"""Judges anew what stands after late reports, by policies that look at other reports too.

It waits until no report waits to be judged, and is done once for however many came late meanwhile:
to do it for each would take the square of their number. From where on it is to be done is written
with what the late reports change (`por_juzgar`): so a kill forgets none of it. What was said where
reports are gone by now that it may rest on is not said anew.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance import ledger
from API.app.compliance.court import Changes, Court
from API.app.compliance.past import whole_since
from API.app.compliance.subjects import Subject, neighbours, select_subjects
from API.app.compliance.timeline import Judged, Period, Rewrite, rebuild, shortened
from createDB.schema import OPEN

REPORTS = 128
"""How many are judged at a time, at most."""

TURN_S = 0.2
"""After so long no other report is begun with, in seconds: those that just came wait meanwhile."""


class Stretch(NamedTuple):
    """Reports of a server, one after another."""

    before: Subject | None
    reports: Sequence[Subject]
    end: int
    """The moment of the report after them."""

    def upto(self, place: int) -> "Stretch":
        """Give its first reports."""
        return self._replace(reports=self.reports[:place], end=self.reports[place].momento)


def judge_again(court: Court) -> bool:
    """Judge some reports anew, of one server after another; tell whether there were any."""
    changes = Changes()
    with court.reader.connect() as connection, court.guard.snapshot():
        owed = ledger.owed(connection, court.judged_anew, REPORTS)
        if not owed:
            return False
        whole = whole_since(connection)
        since = {number: max(momento, whole) for number, momento in owed.items()}
        stretches = _stretches(connection, since, court.place)
        court.ask_ahead([report for stretch in stretches.values() for report in stretch.reports])
        said = _said(court, connection, stretches)
        until = time.monotonic() + TURN_S
        done: dict[int, int] = {}
        for num_agente, whole_stretch in stretches.items():
            if done and time.monotonic() > until:
                break
            periods = said.get(num_agente, {})
            stretch, judged = _judged(court, whole_stretch, periods, until)
            done[num_agente] = stretch.end
            for number, outcomes in judged.items():
                if outcomes:  # or it was not in force yet
                    rewrite = _rewritten(court, stretch, periods[number], outcomes)
                    changes.replace(court.standings.get(num_agente), rewrite)
    court.settle(changes, done)
    court.judged_anew = max(done)
    return True


def _stretches(
    connection: Connection, owed: Mapping[int, int], place: int
) -> Mapping[int, Stretch]:
    """Give what is to be judged anew of some servers, as much as is judged at a time."""
    left = REPORTS
    taken: dict[int, Stretch] = {}
    for num_agente, momento in owed.items():
        if left > 0:
            rows = select_subjects(connection, _FROM, num_agente, momento, place, left + 1)
            taken[num_agente] = Stretch(
                None, rows[:left], rows[left].momento if rows[left:] else OPEN
            )
            left -= len(rows)
    firsts = [stretch.reports[0] for stretch in taken.values() if stretch.reports]
    around = neighbours(connection, firsts, place)
    for first in firsts:
        before, _ = around[first.id_serv]
        taken[first.num_agente] = taken[first.num_agente]._replace(before=before)
    return taken


def _said(
    court: Court, connection: Connection, stretches: Mapping[int, Stretch]
) -> Mapping[int, Mapping[int, Sequence[Period]]]:
    """Give what policies that look at other reports say of servers there, from one period before.

    Returns:
        server -> policy -> periods.
    """
    # What ends where a stretch begins may go on.
    spans = {number: (stretch.reports[0].momento - 1, stretch.end)
             for number, stretch in stretches.items() if stretch.reports}  # fmt: skip
    said: dict[int, dict[int, list[Period]]] = {}
    for period in ledger.periods_within(connection, spans):
        if period.num_politica in court.rulebook.of_others:
            of_server = said.setdefault(period.num_agente, {})
            of_server.setdefault(period.num_politica, []).append(period)
    return said


def _judged(
    court: Court, stretch: Stretch, said: Mapping[int, Sequence[Period]], until: float
) -> tuple[Stretch, Mapping[int, Sequence[Judged]]]:
    """Judge reports until it is others' turn; give what was judged, and what each policy says."""
    found: dict[int, list[Judged]] = {number: [] for number in said}
    for place, report in enumerate(stretch.reports):
        if place and time.monotonic() > until:
            return stretch.upto(place), found
        for number, periods in said.items():
            if report.momento >= periods[0].desde:
                found[number].append(court.judged(number, report))
    return stretch, found


def _rewritten(
    court: Court, stretch: Stretch, periods: Sequence[Period], judged: Sequence[Judged]
) -> Rewrite:
    """Tell what becomes of a policy's periods, from the one before the stretch on."""
    start, end = judged[0].momento, stretch.end
    old = [period for period in periods if period.desde < end]
    if old[-1].hasta > end:
        after: Period | None = old[-1]._replace(desde=end)
    else:
        after = next((period for period in periods if period.desde == end), None)
        old += [after] if after else []
    cover = old[0] if old[0].desde < start else None
    number = old[0].num_politica
    before = court.judged(number, stretch.before) if cover and stretch.before else None
    return Rewrite(old, rebuild(shortened(cover, before, start), judged, after, old[0], end))


_FROM = """s.num_agente = ? AND s.momento >= ? AND s.id_serv <= ? ORDER BY s.momento LIMIT ?"""
