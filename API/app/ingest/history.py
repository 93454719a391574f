"""What was true from when to when: each report is compared with what was true before it.

While a key (see `labels`) stands in one report of a server after the other it has one period: from
the moment of the first report that has it to the moment of the first that lacks it. A report that
comes late is put in its place: it splits or extends past periods as if it had come in time. What
a report could not gather (`errores`) neither ends nor begins anything; a new boot ends everything
that does not outlive one.
"""

import sys
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from API.app.facts import LISTS, SYSTEM, Fact, Items, ms_of, system_values
from API.app.ingest.entry import Entry
from API.app.ingest.keys import NO_KEYS, Key, compared, compared_counts
from API.app.ingest.labels import NO_ITEMS, Labels, Observed
from API.app.ingest.periods import (
    Changes,
    Period,
    Server,
    begin_earlier,
    end,
    load_open,
    load_server,
    periods_at,
    periods_from,
)
from API.app.ingest.retention import limits_of
from API.app.ingest.tables import tables_of
from API.app.report import Report
from createDB.schema import OPEN

REMEMBERED_KEYS = 25_000_000
"""Open periods kept in memory, of all servers: those of 120,000 with 200 processes, in 350 MiB.

Others are read when needed, which takes longer than all else that the writer does for a report.
"""


class History:
    """Keeps the periods. It remembers what it wrote: `forget` after a rollback."""

    def __init__(self) -> None:
        self._servers: OrderedDict[str, Server] = OrderedDict()
        self._remembered = 0
        self._labels = Labels()
        self._changes = Changes()

    def forget(self) -> None:
        """Drop what is remembered, as it may have been rolled back."""
        self._servers.clear()
        self._remembered = 0
        self._labels.forget()
        self._changes = Changes()

    def forget_names(self) -> None:
        """Look up in the database again which names it has, and where; some were removed."""
        self._labels.forget()
        self._changes.forget_presences()

    def server(self, connection: Connection, id_agente: str) -> Server:
        """Give what is known of a server; it gets a row in `agentes` where it has none."""
        server = self._servers.get(id_agente)
        if server is None:
            server = self._servers[id_agente] = load_server(connection, id_agente)
            self._remembered += server.size()
        else:
            self._servers.move_to_end(id_agente)
        return server

    def hold(self, connection: Connection, entries: Collection[Entry]) -> Collection[int]:
        """Begin a transaction that stores `entries`, where other collectors may store some too.

        Returns:
            `num_agente` of servers that others have changed, or that nothing was known of.
        """
        tables = tables_of(connection)
        idents = {entry.id_agente for entry in entries}
        found = tables.hold(connection, idents, self._servers)
        for ident, server in found.items():
            before = self._servers.pop(ident, None)
            self._remembered += server.size() - (before.size() if before else 0)
            self._servers[ident] = server
        if found:  # whoever wrote meanwhile may have been housekeeping
            self._changes.forget_presences()
        self._labels.learn(connection, entries)
        return [server.num_agente for server in found.values()]

    def record(
        self,
        connection: Connection,
        server: Server,
        report: Report,
        lists: Mapping[str, Items],
        momento: int,
    ) -> None:
        """Open and close periods for one report, whose row in `servers` is there already.

        Between two reports of one server comes a `flush`.

        A late one whose days were over before it came changes nothing: the reports that stood
        around it may be gone, and with them the knowledge of how long anything it says lasted.

        Args:
            connection: inside the transaction that stores the report.
            server: that sent it.
            report: what it says, but for its lists.
            lists: what these say, by field.
            momento: its place in the server's history, in milliseconds; no other report of the
                server has the same.
        """
        self._remembered -= server.size()
        place = _Place(connection, server, report, lists, momento, self._labels, self._changes)
        if server.momento is None or momento > server.momento:
            place.as_latest()
        elif momento >= limits_of(connection).reportes:
            self.flush(connection)
            place.as_late()
            self.flush(connection)
            load_open(connection, server)
        self._remembered += server.size()

    def flush(self, connection: Connection) -> None:
        """Write what `record` has gathered: before the commit, and before periods are read."""
        self._changes.flush(connection)
        while self._remembered > REMEMBERED_KEYS and len(self._servers) > 1:
            self._remembered -= self._servers.popitem(last=False)[1].size()


class _Later(NamedTuple):
    """A report that was stored before the one at hand, but stands after it."""

    momento: int
    boot: str | None
    unknown: Collection[str]


@dataclass(slots=True)
class _Place:
    """One report, about to be put in its place in its server's history."""

    connection: Connection
    server: Server
    report: Report
    lists: Mapping[str, Items]
    momento: int
    labels: Labels
    changes: Changes

    def as_latest(self) -> None:
        """Compare it with what is open, and let it be what is open from now on."""
        server = self.server
        rebooted = _differ(server.boot, self.report.id_arranque)
        for fact in LISTS:
            self._follow(fact, rebooted and fact.ends_with_boot)
        system = system_values(self.report)
        if system != server.system or self.report.errores:
            for fact in SYSTEM:
                self._follow(fact, restart=False)
            server.system = None if self.report.errores else tuple(map(_shared, system))
        server.momento = self.momento
        if "id_arranque" not in (self.report.errores or ()):
            server.boot = self.report.id_arranque

    def _follow(self, fact: Fact, restart: bool) -> None:
        """Close what is open and no longer there, open what is new."""
        now = self._observed(fact, restart)
        if now is None:
            return
        known = self.server.open.get(fact.field, NO_KEYS)
        if restart or now.keys != known:
            gone, come = compared(known, now.keys, restart)
            for key in gone:
                self.changes.close(self.server, key, self.momento)
            self._open(fact, now, come, OPEN)
            self.server.open[fact.field] = now.keys

    def as_late(self) -> None:
        """Split and extend the periods there are around its moment."""
        number = self.server.num_agente
        periods, boot = periods_at(self.connection, number, self.momento)
        rebooted = _differ(boot, self.report.id_arranque)
        later = self._later_reports()
        for fact in LISTS + SYSTEM:
            restart = rebooted and fact.ends_with_boot
            now = self._observed(fact, restart)
            if now is None:
                continue
            there = periods.get(fact.field, {})
            before = {key: period.veces for key, period in there.items()}
            gone, come = compared_counts(before, Counter(now.keys), restart)
            self._cut([there[key] for key in gone], _first_to_know(fact, later))
            self.changes.flush(self.connection)
            self._fill(fact, now, come, self._bound(fact, later))

    def _observed(self, fact: Fact, restart: bool) -> Observed | None:
        """Give what the report has of `fact`; None where that says nothing of the periods."""
        if fact.field not in (self.report.errores or ()):
            items = self.lists.get(fact.field) or fact.items(self.report)
            return self.labels.observe(self.connection, fact.field, items)
        return NO_ITEMS if restart else None

    def _open(self, fact: Fact, now: Observed, wanted: Mapping[Key, int], hasta: int) -> None:
        """Begin a period for each key of `wanted`, with how often it is there."""
        if not wanted:
            return
        left = dict(wanted)
        for place, key in enumerate(now.keys):
            if key in left:
                period = self._period(fact, now, place, left.pop(key), hasta)
                self.changes.open(self.server, period)

    def _period(self, fact: Fact, now: Observed, place: int, times: int, hasta: int) -> Period:
        """Begin a period for the item that stands at `place`."""
        items = now.items
        inicio = ms_of(items.starts[place]) if items.starts else None
        own = fact.ends_with_boot and self.report.pid_agente == items.pids[place]
        return Period(now.keys[place], self.momento, hasta, times, inicio, own)

    def _cut(self, periods: Collection[Period], next_to_know: _Later | None) -> None:
        """End `periods` here; of one that went on in the next report that knows the rest stays."""
        end(self.connection, self.server.num_agente, periods, self.momento)
        for period in periods:
            self.changes.note(self.server, self.momento)
            if next_to_know and period.hasta > next_to_know.momento:
                self.changes.open(self.server, period._replace(desde=next_to_know.momento))

    def _fill(
        self, fact: Fact, now: Observed, wanted: Mapping[Key, int], bound: _Later | None
    ) -> None:
        """Begin a period for each of `wanted`: up to `bound`, or joined to what begins there."""
        if bound is None:
            self._open(fact, now, wanted, OPEN)
            return
        joined: dict[Key, Period] = {}
        if wanted and not (fact.ends_with_boot and _differ(self.report.id_arranque, bound.boot)):
            beginning = periods_from(self.connection, self.server.num_agente, bound.momento)
            for key, times in wanted.items():
                period = beginning.get(key)
                if period and period.veces == times:
                    self.changes.note(self.server, self.momento)
                    joined[key] = period
            begin_earlier(self.connection, self.server.num_agente, joined.values(), self.momento)
        begun = {key: times for key, times in wanted.items() if key not in joined}
        self._open(fact, now, begun, bound.momento)

    def _bound(self, fact: Fact, later: Collection[_Later]) -> _Later | None:
        """Find the report at which what began here ends: the next to know, or of another boot."""
        for report in later:
            if fact.field not in report.unknown:
                return report
            if fact.ends_with_boot and _differ(self.report.id_arranque, report.boot):
                return report
        return None

    def _later_reports(self) -> list[_Later]:
        """Give what stands after it, up to the first report that says something of every fact."""
        found: list[_Later] = []
        momento = self.momento
        while rows := self._after(momento):
            for row in rows:
                unknown = msgspec.json.decode(row.errores) if row.errores else ()
                found.append(_Later(row.momento, row.id_arranque, unknown))
                if not unknown:
                    return found
            momento = rows[-1].momento
        return found

    def _after(self, momento: int) -> Sequence[Row[Any]]:
        row = (self.server.num_agente, momento)
        return self.connection.exec_driver_sql(_LATER, row).fetchall()


_LATER = """
    SELECT momento, id_arranque, errores FROM servers
    WHERE num_agente = ? AND momento > ? ORDER BY momento LIMIT 16
"""


def _first_to_know(fact: Fact, later: Collection[_Later]) -> _Later | None:
    """Find the first of the later reports that says something of `fact`."""
    return next((report for report in later if fact.field not in report.unknown), None)


def _shared(text: str | None) -> str | None:
    """Have servers that say the same keep one copy of it."""
    return None if text is None else sys.intern(text)


def _differ(boot: str | None, other: str | None) -> bool:
    """Tell whether two reports are known to be of two boots."""
    return boot is not None and other is not None and boot != other
