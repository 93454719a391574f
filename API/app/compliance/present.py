"""Judges reports right after they are stored, in the order of their numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.compliance.court import Changes, Court, Standing
from API.app.compliance.past import judge_late
from API.app.compliance.rulebook import Change
from API.app.compliance.subjects import Subject, select_subjects
from API.app.compliance.timeline import Judged

BATCH = 32
"""Reports that are judged at a time: while what was found is written, reports wait to be stored."""


class Progress(NamedTuple):
    """What was done at a time."""

    reports: int
    """How many were judged."""
    more: bool
    """Whether there are more that need not be waited for."""


def judge_new(court: Court) -> Progress:
    """Judge some of the reports that were not judged yet."""
    changes = Changes()
    place, done, late = court.place, 0, False
    if court.gaps:
        court.gaps.look(court.reader)
    with court.reader.connect() as connection, court.guard.snapshot():
        for subject in _new(court, connection):
            standing = court.standing(connection, subject.num_agente)
            if standing.subject is None or subject.momento > standing.subject.momento:
                _judge(court, connection, standing, subject, changes)
            elif done:
                late = True  # it changes what is written: first write that
                break
            else:
                judge_late(court, connection, subject)
                return Progress(1, more=True)
            place = subject.id_serv
            done += 1
    if done:
        court.commit(changes, place)
    return Progress(done, more=late or done == BATCH)


def _new(court: Court, connection: Connection) -> Sequence[Subject]:
    """Give the next reports, as many as are to be judged by now."""
    found = select_subjects(connection, _NEW, court.place, BATCH)
    if court.gaps and found:
        numbers = [subject.id_serv for subject in found]
        return found[: court.gaps.ready(connection, court.place, numbers)]
    return found


def _judge(
    court: Court, connection: Connection, standing: Standing, subject: Subject, changes: Changes
) -> None:
    for number in _due(court, connection, standing, subject):
        outcome = court.outcome(number, subject, subject.recibido)
        changes.judge(standing, number, subject, Judged(subject.momento, outcome))
    standing.subject = subject


def _due(court: Court, connection: Connection, standing: Standing, subject: Subject) -> set[int]:
    """Name the policies that may say something else of a report than of the one before it."""
    book, before = court.rulebook, standing.subject
    if before is None:
        return set(book.by_report)
    changes = _changes(connection, subject, before.momento)
    touched = book.touched(changes, before.errores.keys() | subject.errores.keys())
    touched |= book.conditional(before, subject)
    return (
        touched | (book.by_report - standing.open.keys()) | (book.by_report & court.pending.keys())
    )


def _changes(connection: Connection, subject: Subject, since: int) -> list[Change]:
    """Give what came or went between a report and another before it."""
    key = (subject.num_agente, since, subject.momento, subject.momento, since)
    return [(row[0], row[1]) for row in connection.exec_driver_sql(_CHANGES, key)]


_NEW = "s.id_serv > ? ORDER BY s.id_serv LIMIT ?"
_CHANGES = """
    SELECT h.campo, h.nombre FROM periodos p JOIN hechos h USING (id_hecho)
    WHERE p.num_agente = ? AND p.hasta > ? AND p.desde <= ? AND (p.hasta <= ? OR p.desde > ?)
"""
"""Between two reports something differs only where a period begins or ends: after the one, and not
after the other."""
