"""Judges anew what stands after late reports, by policies that look at other reports too.

It waits until no report waits to be judged, and is done once for however many came late meanwhile:
to do it for each would take the square of their number. From where on it is to be done is written
with what the late reports change (`por_juzgar`): so a kill forgets none of it. What was said where
reports are gone by now that it may rest on is not said anew.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance import ledger
from API.app.compliance.court import Changes, Court
from API.app.compliance.past import whole_since
from API.app.compliance.subjects import Subject, neighbours, select_subjects
from API.app.compliance.timeline import Period, Rewrite, rebuild, shortened
from createDB.schema import OPEN

REPORTS = 256
"""How many are judged at a time."""


class Stretch(NamedTuple):
    """Reports of a server, one after another."""

    before: Subject | None
    reports: Sequence[Subject]
    end: int
    """The moment of the report after them."""


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
        # What ends where a stretch begins may go on.
        spans = {number: (stretch.reports[0].momento - 1, stretch.end)
                 for number, stretch in stretches.items() if stretch.reports}  # fmt: skip
        said: dict[tuple[int, int], list[Period]] = {}
        for period in ledger.periods_within(connection, spans):
            if period.num_politica in court.rulebook.of_others:
                said.setdefault(period[:2], []).append(period)
        for (num_agente, number), periods in said.items():
            if rewrite := _rewritten(court, number, stretches[num_agente], periods):
                changes.replace(court.standings.get(num_agente), rewrite)
    court.settle(changes, {number: stretch.end for number, stretch in stretches.items()})
    court.judged_anew = max(stretches)
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


def _rewritten(
    court: Court, number: int, stretch: Stretch, periods: Sequence[Period]
) -> Rewrite | None:
    """Tell what becomes of a policy's periods, from the one before the stretch on."""
    reports = [each for each in stretch.reports if each.momento >= periods[0].desde]
    if not reports:
        return None  # it was not in force yet
    start, end = reports[0].momento, stretch.end
    old = [period for period in periods if period.desde < end]
    if old[-1].hasta > end:
        after: Period | None = old[-1]._replace(desde=end)
    else:
        after = next((period for period in periods if period.desde == end), None)
        old += [after] if after else []
    cover = old[0] if old[0].desde < start else None
    before = court.judged(number, stretch.before) if cover and stretch.before else None
    judged = [court.judged(number, report) for report in reports]
    return Rewrite(old, rebuild(shortened(cover, before, start), judged, after, old[0], end))


_FROM = """s.num_agente = ? AND s.momento >= ? AND s.id_serv <= ? ORDER BY s.momento LIMIT ?"""
