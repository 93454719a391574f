"""What judging needs at hand: the policies in force, where each server stands, where to write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from API.app.compliance import ledger
from API.app.compliance.guard import too_slow
from API.app.compliance.guards import open_guard
from API.app.compliance.judging import Outcome, judge
from API.app.compliance.library import Library
from API.app.compliance.rulebook import Rulebook
from API.app.compliance.subjects import Subject, select_subjects
from API.app.compliance.timeline import Judged, Period, Rewrite, begin, follow
from API.app.ingest.sql import to_ms
from API.app.jobs import TakenError, Turn
from createDB.engine import LONG_ANSWER_S, is_postgresql, open_engine
from createDB.postgresql.locks import Lock
from createDB.schema import OPEN

if TYPE_CHECKING:
    from API.app.compliance.postgresql.gaps import Gaps

log = structlog.get_logger()

REMEMBERED = 250_000
"""Open periods kept in memory, of all servers: some 100 MiB. Others are read when needed."""


@dataclass(slots=True)
class Standing:
    """What is said of a server now."""

    subject: Subject | None
    """Its latest report, by moment, of those that were judged."""
    open: dict[int, Period]
    """By the policies' numbers. One that is not open was ended after that report, when its policy
    was withdrawn, which is in force again."""
    labels_known: bool = False
    """Whether the labels of `subject` are those that it was judged with."""


class Changes:
    """Periods that are to be written."""

    def __init__(self) -> None:
        self.periods: dict[tuple[int, int, int], Period] = {}
        self.turned: set[tuple[int, int]] = set()
        """Servers and policies whose verdict is another one than before."""
        self.removed: set[tuple[int, int, int]] = set()
        """Periods that are gone, unless they are written anew."""
        self.owed: dict[int, int] = {}
        """Servers whose reports are to be judged anew by policies that look at other reports, and
        from which moment on."""

    def judge(
        self, standing: Standing, num_politica: int, subject: Subject, judged: Judged
    ) -> None:
        """Take what a policy says of a server's latest report."""
        before = standing.open.get(num_politica)
        back = before is not None and before.hasta != OPEN
        if before is None:
            written: tuple[Period, ...] = (begin(subject.num_agente, num_politica, judged),)
        elif back:  # for no report it was away
            goes_on = before._replace(hasta=OPEN)
            written = follow(goes_on, judged) or (goes_on,)
        else:
            written = follow(before, judged)
        if before is None or back or judged.outcome.veredicto != before.veredicto:
            self.turned.add((subject.num_agente, num_politica))
        for period in written:
            self.periods[period[:3]] = period
            standing.open[num_politica] = period

    def replace(self, standing: Standing | None, rewrite: Rewrite) -> None:
        """Take periods of the past that stand in the place of others."""
        for period in rewrite.old:
            self.periods.pop(period[:3], None)
            self.removed.add(period[:3])
        for period in rewrite.new:
            self.periods[period[:3]] = period
            self.turned.add(period[:2])
        last = rewrite.new[-1]
        ours = standing and standing.open.get(last.num_politica)
        if standing and (last.hasta == OPEN or ours in rewrite.old):
            standing.open[last.num_politica] = last

    def owe(self, num_agente: int, momento: int) -> None:
        """Take that a server's reports from a moment on are to be judged anew."""
        self.owed[num_agente] = min(momento, self.owed.get(num_agente, momento))


class Court:
    """Everything that judging needs; `forget` after a write that failed.

    Of several collectors one judges. Whoever finds that another one does, or may have meanwhile,
    gets a `TakenError` from whatever writes; what it remembers is no longer good then.
    """

    def __init__(
        self, url: URL, library: Library, alive: Callable[[], None] = lambda: None
    ) -> None:
        """Take the job, and read where judging stands.

        Args:
            url: of the database.
            library: of the policies.
            alive: called each time before a policy is asked something.

        Raises:
            TakenError: another collector judges.
        """
        # What a power cut takes back is judged again. No alert of it was told: the sender writes
        # down what it will tell before it does, and that lasts with all that was written before.
        self._engine: Engine = open_engine(
            url, checkpoints=False, durable=False, answer_s=LONG_ANSWER_S
        )
        self._alive = alive
        self.shares_job = is_postgresql(url)
        self._turn = Turn(self._engine, Lock.JUDGING)
        self._one_at_a_time = ThreadLock()  # to use the engine, or a turn would be refused
        if not self._turn.is_ours():
            raise TakenError
        self._term = self._turn.taken
        try:
            self._begin(url, library)
        except BaseException:
            self._engine.dispose()  # and with it the job
            raise

    def _begin(self, url: URL, library: Library) -> None:
        self.reader: Engine = open_engine(url, read_only=True, answer_s=LONG_ANSWER_S)
        self.guard = open_guard(url)
        self._pen = ThreadPoolExecutor(1, "verdicts")
        self._pen.submit(int).result()  # it begins now: nice(2) is a thread's on Linux
        self.library = library
        self.rulebook = Rulebook({})
        self.pending: Mapping[int, int] = {}
        """Policies whose review is not done -> the server up to which it is."""
        self.gaps = _gaps() if self.shares_job else None
        self.standings: dict[int, Standing] = {}
        """Of the servers that are remembered."""
        self.judged_anew = 0
        """The last server of which late reports had others judged anew: now it is the next one's
        turn, or one with many would keep all others waiting."""
        self._slow: dict[str, Outcome] = {}
        self.synchronize()
        with self.reader.connect() as connection:
            self.place = ledger.place_of(connection)
        self.noted = self.place

    def close(self) -> None:
        """Close every connection."""
        self._pen.shutdown()
        self.guard.close()
        self.reader.dispose()
        self._engine.dispose()

    def synchronize(self) -> None:
        """Bring the policies in the database in line with the files."""
        rules = self.library.rules
        now = to_ms(datetime.now(UTC).replace(tzinfo=None))
        with self._writing() as connection:
            known = ledger.known_policies(connection)
            for name, rule in rules.items():
                row = known.get(name)
                if row is None or row.huella != rule.huella or not row.vigente:
                    log.info("policy in force", policy=name)
                    ledger.put_in_force(connection, rule)
            for name, row in known.items():
                if row.vigente and name not in rules:
                    log.info("policy withdrawn", policy=name)
                    ledger.withdraw(connection, row.num_politica, now)
            known = ledger.known_policies(connection)
        for problem in self.library.problems:
            log.error("not a policy", file=str(problem.path), line=problem.line,
                      reason=problem.reason)  # fmt: skip
        in_force = {name: row for name, row in known.items() if row.vigente}
        self.rulebook = Rulebook({in_force[name].num_politica: rules[name] for name in in_force})
        self.pending = {
            row.num_politica: row.repaso for row in in_force.values() if row.repaso is not None
        }
        self.standings.clear()
        self.guard.desk.look_for(self.rulebook.names)
        self._slow.clear()

    def remember(self, connection: Connection, servers: Iterable[int]) -> None:
        """Have at hand where these servers stand."""
        unknown = [number for number in servers if number not in self.standings]
        if not unknown:
            return
        numbers = msgspec.json.encode(unknown).decode()
        last = select_subjects(connection, _LAST_JUDGED, numbers, self.place)
        by_server = {subject.num_agente: subject for subject in last}
        for number in unknown:
            self.standings[number] = Standing(by_server.get(number), {})
        since = dict.fromkeys(unknown, OPEN - 1) | {each.num_agente: each.momento for each in last}
        spans = {number: (momento, OPEN) for number, momento in since.items()}
        for period in ledger.periods_within(connection, spans):
            if period.hasta == OPEN or period.num_politica in self.rulebook.by_report:
                self.standings[period.num_agente].open[period.num_politica] = period

    def ask_ahead(self, subjects: Sequence[Subject]) -> None:
        """Ask together what is asked of every report by a database that is far away."""
        reports = [(subject.id_serv, subject.recibido) for subject in subjects]
        for number in sorted(self.rulebook.with_reports):
            rule = self.rulebook.rules[number]
            if rule.huella not in self._slow:
                self._alive()
                policy = rule.policy
                query = (policy.consulta, rule.scope.own, policy.consulta_postgresql)
                self.guard.ahead(query, reports)

    def outcome(self, num_politica: int, subject: Subject, en: str) -> Outcome:
        """Judge a report by a policy; one that took too long is not tried again till it changes."""
        self._alive()
        rule = self.rulebook.rules[num_politica]
        slow = self._slow.get(rule.huella)
        if slow:
            return slow
        found = judge(self.guard, rule, subject, en)
        if too_slow(found.razon):
            log.error("policy put aside until it changes", policy=rule.policy.id,
                      reason=found.razon)  # fmt: skip
            self._slow[rule.huella] = found
        return found

    def judged(self, num_politica: int, subject: Subject) -> Judged:
        """Judge a report by a policy, as it was when it came."""
        return Judged(subject.momento, self.outcome(num_politica, subject, subject.recibido))

    def commit(self, changes: Changes, place: int) -> None:
        """Write what was judged, and up to where, at once."""
        if changes.periods or place > self.noted:
            self.write(lambda connection: _note(connection, changes, place))
            self.noted = place
        self.place = place
        self._trim()

    def settle(self, changes: Changes, moments: Mapping[int, int]) -> None:
        """Write what was judged anew, and from which moment on more is to be; see `ledger`."""

        def note(connection: Connection) -> None:
            _note(connection, changes, self.place)
            ledger.settle(connection, moments)

        self.write(note)

    def write(self, work: Callable[[Connection], None]) -> None:
        """Do `work` in a transaction, at the priority that this process had when it began.

        Whoever waits for SQLite's lock would otherwise wait for a process that gives way to all.
        """
        self._pen.submit(self._write, work).result()

    def _write(self, work: Callable[[Connection], None]) -> None:
        with self._writing() as connection:
            work(connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Begin a transaction that writes, in which nobody else judges.

        Raises:
            TakenError: somebody else does, or may have since this court was made.
        """
        with self._one_at_a_time, self._engine.begin() as connection:
            if self._turn.taken != self._term:
                raise TakenError
            yield connection

    def keep_job(self) -> None:
        """Say that whoever judges is alive; from another thread than that.

        Raises:
            DBAPIError: the database is away.
        """
        with self._one_at_a_time:
            self._turn.is_ours()

    def forget(self, num_agente: int | None = None) -> None:
        """Drop what is remembered, of one server or of all: it may not have been written."""
        if num_agente is None:
            self.standings.clear()
            self.guard.desk.clear()
        else:
            self.standings.pop(num_agente, None)
            self.guard.desk.drop(num_agente)

    def _trim(self) -> None:
        while len(self.standings) * len(self.rulebook.rules) > REMEMBERED:
            self.standings.pop(next(iter(self.standings)))


def _gaps() -> "Gaps":
    from API.app.compliance.postgresql.gaps import Gaps

    return Gaps()


def _note(connection: Connection, changes: Changes, place: int) -> None:
    ledger.remove(connection, changes.removed - changes.periods.keys())
    ledger.write(connection, changes.periods.values(), changes.turned)
    ledger.owe(connection, changes.owed)
    ledger.advance(connection, place)


_LAST_JUDGED = """
    a.num_agente IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) AND s.id_serv = (
        SELECT r.id_serv FROM servers r WHERE r.num_agente = a.num_agente AND r.id_serv <= ?
        ORDER BY r.momento DESC LIMIT 1)
"""
