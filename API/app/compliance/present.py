"""Judges reports right after they are stored, in the order of their numbers."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance.court import Changes, Court, Standing
from API.app.compliance.docket import Case, Change, changes_of, items_of, turn_to, unread
from API.app.compliance.past import judge_late
from API.app.compliance.subjects import Subject, select_subjects

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
        cases, late = _apart(court, subjects)
        changes = _judge(court, connection, cases)
        judge_late(court, connection, late, cases, changes)
    court.commit(changes, subjects[-1].id_serv)
    return Progress(len(subjects), more=len(subjects) == BATCH)


def _new(court: Court, connection: Connection) -> Sequence[Subject]:
    """Give the next reports, as many as are to be judged by now."""
    found = select_subjects(connection, _NEW, court.place, BATCH)
    if court.gaps and not found:
        court.gaps.nothing()
    elif court.gaps:
        numbers = [subject.id_serv for subject in found]
        return found[: court.gaps.ready(connection, court.place, numbers)]
    return found


def _apart(court: Court, subjects: Iterable[Subject]) -> tuple[Sequence[Case], Sequence[Subject]]:
    """Tell the reports that came in time from those that came late."""
    last: dict[int, Subject] = {}
    cases: list[Case] = []
    late: list[Subject] = []
    for subject in subjects:
        number = subject.num_agente
        before = last.get(number) or court.standings[number].subject
        if before and subject.momento <= before.momento:
            late.append(subject)
        else:
            cases.append(Case(subject, before))
            last[number] = subject
    return cases, late


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
            changes.judge(standing, number, subject, court.judged(number, subject))
        standing.subject = subject
    return changes


def _due(
    court: Court, case: Case, standing: Standing, changes: Iterable[Change]
) -> Collection[int]:
    """Name the policies that are to judge a server's latest report."""
    every = court.rulebook.by_report
    new = every - standing.open.keys()
    due = court.rulebook.due(case, changes) | new | (every & court.pending.keys())
    if not standing.labels_known:
        standing.labels_known = True
        due |= court.rulebook.by_labels
    return due


_NEW = "s.id_serv > ? ORDER BY s.id_serv LIMIT ?"
