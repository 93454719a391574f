"""Judges the latest report of every server anew after a policy has changed."""

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection

from API.app.compliance import ledger
from API.app.compliance.court import Changes, Court, Standing
from API.app.compliance.docket import items_of
from API.app.compliance.judging import Outcome, Verdict
from API.app.compliance.past import whole_since
from API.app.compliance.subjects import Subject
from API.app.compliance.timeline import Judged

log = structlog.get_logger()

SERVERS = 200
"""Servers at a time."""


def review(court: Court) -> bool:
    """Judge some servers anew by the policies that wait for it; tell whether there was anything."""
    if not court.pending:
        return False
    since = min(court.pending.values())
    pending = [number for number, upto in court.pending.items() if upto == since]
    changes = Changes()
    with court.reader.connect() as connection, court.guard.snapshot():
        servers = list(connection.exec_driver_sql(_SERVERS, (since, SERVERS)).scalars())
        court.remember(connection, servers)
        _have_at_hand(court, connection, servers, pending)
        whole = whole_since(connection)
        for num_agente in servers:
            standing = court.standings[num_agente]
            if standing.subject is None:
                continue  # its first report will be judged by all
            for number in pending:
                judged = _judged(court, number, standing, standing.subject, whole)
                changes.judge(standing, number, standing.subject, judged)
    upto = servers[-1] if servers else None

    def note(writing: Connection) -> None:
        ledger.write(writing, changes.periods.values(), changes.turned)
        ledger.reviewed(writing, pending, upto)

    court.write(note)
    rest = {number: at for number, at in court.pending.items() if number not in pending}
    court.pending = rest if upto is None else rest | dict.fromkeys(pending, upto)
    if upto is None:
        log.info("every server judged anew", policies=len(pending))
    return True


def _judged(court: Court, number: int, standing: Standing, latest: Subject, whole: int) -> Judged:
    """Tell what a policy says of a server's latest report.

    Where it looks at other reports, of which some are gone, that is what it said before.
    """
    known = standing.open.get(number)
    if known and latest.momento < whole and number in court.rulebook.of_others:
        said = Outcome(Verdict(known.veredicto), known.latest, known.razon)
        return Judged(latest.momento, said)
    return court.judged(number, latest)


def _have_at_hand(
    court: Court, connection: Connection, servers: Sequence[int], policies: Sequence[int]
) -> None:
    """Have what the latest reports list at hand, if one of these policies looks at it."""
    if court.rulebook.at_hand.isdisjoint(policies):
        return
    desk = court.guard.desk
    latest = filter(None, (court.standings[number].subject for number in servers))
    missing = {subject.id_serv: subject for subject in latest if not desk.keeps(subject.id_serv)}
    for id_serv, items in items_of(connection, missing.values(), desk.names).items():
        desk.take(missing[id_serv], items)


_SERVERS = "SELECT num_agente FROM agentes WHERE num_agente > ? ORDER BY num_agente LIMIT ?"
