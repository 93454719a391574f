"""Judges reports right after they are stored, in the order of their numbers."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance.court import Changes, Court, Standing
from API.app.compliance.docket import Case, Change, changes_of, items_of, turn_to, unread
from API.app.compliance.past import judge_late
from API.app.compliance.subjects import Subject, select_subjects
from API.app.compliance.timeline import Judged

BATCH = 128
"""Reports that are judged at a time: while what was found is written, reports wait to be stored.

But each time the one who stores them has to read anew what he had in memory, since somebody else
wrote: few transactions cost him less than small ones.
"""


class Progress(NamedTuple):
    """What was done at a time."""

    reports: int
    """How many were judged."""
    more: bool
    """Whether there are more that need not be waited for."""


def judge_new(court: Court) -> Progress:
    """Judge some of the reports that were not judged yet."""
    if court.gaps:
        court.gaps.look(court.reader)
        if not court.gaps.more(court.reader, court.place):
            return Progress(0, more=False)
    with court.reader.connect() as connection, court.guard.snapshot():
        subjects = _new(court, connection)
        if not subjects:
            return Progress(0, more=False)
        court.remember(connection, {subject.num_agente for subject in subjects})
        cases = _in_time(court, subjects)
        if not cases:
            judge_late(court, connection, subjects[0])
            return Progress(1, more=True)
        changes = _judge(court, connection, cases)
    court.commit(changes, cases[-1].subject.id_serv)
    return Progress(len(cases), more=len(cases) < len(subjects) or len(subjects) == BATCH)


def _new(court: Court, connection: Connection) -> Sequence[Subject]:
    """Give the next reports, as many as are to be judged by now."""
    found = select_subjects(connection, _NEW, court.place, BATCH)
    if court.gaps and not found:
        court.gaps.nothing()
    elif court.gaps:
        numbers = [subject.id_serv for subject in found]
        return found[: court.gaps.ready(connection, court.place, numbers)]
    return found


def _in_time(court: Court, subjects: Iterable[Subject]) -> Sequence[Case]:
    """Give the reports up to the first that came late: what they change is written before it."""
    last: dict[int, Subject] = {}
    cases = []
    for subject in subjects:
        number = subject.num_agente
        before = last.get(number) or court.standings[number].subject
        if before and subject.momento <= before.momento:
            break
        cases.append(Case(subject, before))
        last[number] = subject
    return cases


def _judge(court: Court, connection: Connection, cases: Sequence[Case]) -> Changes:
    changes = Changes()
    differences = changes_of(connection, cases)
    desk = court.guard.desk
    lists = items_of(connection, unread(desk, cases), desk.names) if court.rulebook.at_hand else {}
    court.ask_ahead([case.subject for case in cases])
    for case in cases:
        subject = case.subject
        standing = court.standings[subject.num_agente]
        found = differences.get(subject.id_serv, ())
        turn_to(desk, case, lists, found)
        for number in _due(court, case, standing, found):
            outcome = court.outcome(number, subject, subject.recibido)
            changes.judge(standing, number, subject, Judged(subject.momento, outcome))
        standing.subject = subject
    return changes


def _due(
    court: Court, case: Case, standing: Standing, changes: Iterable[Change]
) -> Collection[int]:
    """Name the policies that may say something else of a report than of the one before it."""
    book, (subject, before) = court.rulebook, case
    if before is None:
        return book.by_report
    touched = book.touched(
        ((change.item.campo, change.item.nombre) for change in changes),
        before.errores.keys() | subject.errores.keys(),
    )
    touched |= book.conditional(before, subject)
    return (
        touched | (book.by_report - standing.open.keys()) | (book.by_report & court.pending.keys())
    )


_NEW = "s.id_serv > ? ORDER BY s.id_serv LIMIT ?"
