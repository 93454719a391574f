"""How reports become rows: the only code that writes into the tables that reports fill.

Used by the live writer and by whoever brings in reports from the JSON log, always inside the
caller's transaction.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection

from API.app.ingest.boots import Boots
from API.app.ingest.entry import Entry, Stored, take_apart
from API.app.ingest.history import History
from API.app.ingest.periods import Server
from API.app.ingest.sql import sql_time, to_ms
from API.app.ingest.tables import Stands, Tables, tables_of
from API.app.report import Report

CLOCK_AHEAD = timedelta(minutes=5)
"""How far a server's clock may run ahead before its word about the moment no longer counts."""


class _Placed(NamedTuple):
    """An entry with its server and its place in that server's history."""

    entry: Entry
    server: Server
    recibido: datetime
    momento: int

    def is_late(self) -> bool:
        """Tell whether a later report of its server is there already."""
        return self.server.momento is not None and self.momento <= self.server.momento


class Store:
    """Writes reports into one database. It remembers what it wrote: `forget` after a rollback."""

    def __init__(self, *, rows: bool) -> None:
        """Make one.

        Args:
            rows: whether each report's processes and sessions get rows of their own (the layout
                `completo`), or stand in the periods alone (`compacto`).
        """
        self._rows = rows
        self._history = History()
        self._boots = Boots()

    def store(
        self, connection: Connection, entries: Sequence[Entry], now: datetime
    ) -> list[Stored]:
        """Write `entries` into the tables; those that are there already are left as they are.

        Args:
            connection: inside a transaction, which the caller commits or rolls back.
            entries: reports in the order in which they came; one may stand in it twice.
            now: for entries without a `recibido`, in UTC without offset.

        Returns:
            one `Stored` for each entry, in their order.
        """
        return list(chain.from_iterable(self.storing(connection, entries, now)))

    def storing(
        self, connection: Connection, entries: Sequence[Entry], now: datetime
    ) -> Iterator[list[Stored]]:
        """Write `entries` as `store` does; give the numbers of some as soon as they have them.

        All of it is written when there are no more to give.
        """
        try:
            self._prepare(connection, entries)
            for group in _groups(entries):
                yield from self._storing_group(connection, group, now)
        except BaseException:
            self.forget()
            raise

    def _prepare(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Have nobody else store reports of these servers, where others could."""
        if tables_of(connection).shared:
            self._boots.forget_some(self._history.hold(connection, entries))

    def _storing_group(
        self, connection: Connection, entries: Sequence[Entry], now: datetime
    ) -> Iterator[list[Stored]]:
        """Write reports of different servers."""
        tables = tables_of(connection)
        placed = [self._place(connection, entry, now) for entry in entries]
        rows = [_server_row(item) for item in placed]
        created = tables.number(connection, rows)
        results = [_stored(connection, item, created) for item in placed]
        yield results
        fresh = [
            (item, Stands(result.id_serv, row, item.entry.lists))
            for item, result, row in zip(placed, results, rows, strict=True)
            if result.created
        ]
        self._follow(connection, tables, fresh)
        self._history.flush(connection)
        agents = [
            _agent_row(stands.id_serv, item.server, item.entry.report, item.recibido, item.momento)
            for item, stands in fresh
        ]
        tables.update_agents(connection, agents)

    def _follow(
        self, connection: Connection, tables: Tables, fresh: Sequence[tuple[_Placed, Stands]]
    ) -> None:
        """Write what belongs to reports that are new, and compare them with what was before.

        Where the connection is busy as long as rows go in, nothing else may be asked of it then;
        the latest report of a server needs nothing that is not remembered.
        """
        for item, _ in fresh:
            boot = item.entry.report.id_arranque
            self._boots.follow(connection, item.server, boot, item.momento)
        late = {place for place, (item, _) in enumerate(fresh) if item.is_late()}
        for place in late:
            self._record(connection, fresh[place][0])
        reports = [stands for _, stands in fresh]
        for place in tables.inserting(connection, reports, lists=self._rows):
            if place not in late:
                self._record(connection, fresh[place][0])

    def _record(self, connection: Connection, item: _Placed) -> None:
        entry = item.entry
        self._history.record(connection, item.server, entry.report, entry.lists, item.momento)

    def _place(self, connection: Connection, entry: Entry, now: datetime) -> _Placed:
        """Find the report's place in its server's history: a millisecond that no other has."""
        recibido = entry.recibido or now
        server = self._history.server(connection, entry.id_agente)
        momento = _free_moment(connection, server, entry.report.fecha_hora, recibido)
        return _Placed(entry, server, recibido, momento)

    def adopt(
        self,
        connection: Connection,
        id_serv: int,
        id_agente: str,
        report: Report,
        recibido: datetime | None,
    ) -> None:
        """Give a report whose rows are there already its place in its server's history.

        Args:
            connection: inside a transaction.
            id_serv: number of the report.
            id_agente: identity of the server.
            report: what it says.
            recibido: when it came, so far as anybody knows, in UTC without offset.
        """
        server = self._history.server(connection, id_agente)
        momento = _free_moment(connection, server, report.fecha_hora, recibido or report.fecha_hora)
        connection.exec_driver_sql(_PLACE, (momento, server.num_agente, id_serv))
        head, lists = take_apart(report)
        self._history.record(connection, server, head, lists, momento)
        self._history.flush(connection)
        row = _agent_row(id_serv, server, head, recibido, momento)
        tables_of(connection).update_agents(connection, [row])

    def forget(self) -> None:
        """Drop what is remembered: the caller's transaction was rolled back."""
        self._history.forget()
        self._boots.forget()

    def forget_names(self) -> None:
        """Drop what is remembered of names alone: housekeeping has removed some."""
        self._history.forget_names()


def _stored(connection: Connection, item: _Placed, created: Mapping[int, int]) -> Stored:
    """Tell what became of an entry: its row is new, or was there before."""
    number = item.server.num_agente
    if number in created:
        return Stored(created[number], created=True)
    id_serv = tables_of(connection).find(connection, number, item.entry.id_reporte)
    return Stored(id_serv, created=False)


def moment_of(fecha_hora: datetime, recibido: datetime) -> datetime:
    """Tell when a report was true, from both clocks."""
    return recibido if fecha_hora > recibido + CLOCK_AHEAD else fecha_hora


def utc_now() -> datetime:
    """Tell the time: UTC, without offset, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _groups(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut `entries` so that no server stands twice in a piece."""
    start, seen = 0, set[str]()
    for place, entry in enumerate(entries):
        if entry.id_agente in seen:
            yield entries[start:place]
            start, seen = place, set()
        seen.add(entry.id_agente)
    yield entries[start:]


_TAKEN = """
    SELECT momento FROM servers WHERE num_agente = ? AND momento >= ? ORDER BY momento LIMIT 64
"""
_PLACE = "UPDATE servers SET momento = ?, num_agente = ? WHERE id_serv = ?"


def _free_moment(
    connection: Connection, server: Server, fecha_hora: datetime, recibido: datetime
) -> int:
    """Find the report's place in its server's history: a millisecond that no other has."""
    momento = to_ms(moment_of(fecha_hora, recibido))
    if server.momento is None or momento > server.momento:
        return momento
    while True:
        taken = connection.exec_driver_sql(_TAKEN, (server.num_agente, momento)).scalars().all()
        for other in taken:
            if other > momento:
                return momento
            momento += 1
        if not taken:
            return momento


def _server_row(item: _Placed) -> tuple[Any, ...]:
    """Give the values of one row of `servers`, in the order of its columns."""
    entry, report = item.entry, item.entry.report
    return (
        entry.id_serv,
        report.ipaddress,
        sql_time(report.fecha_hora),
        report.arquitectura_proc,
        report.marca_proc,
        report.nombre_so,
        report.version_so,
        report.hostname,
        entry.id_agente,
        entry.id_reporte,
        sql_time(item.recibido),
        report.distribucion,
        report.version_distribucion,
        report.nucleo,
        report.id_arranque,
        report.pid_agente,
        json.dumps(report.errores, ensure_ascii=False) if report.errores else None,
        item.momento,
        item.server.num_agente,
    )


def _agent_row(
    id_serv: int, server: Server, report: Report, recibido: datetime | None, momento: int
) -> tuple[Any, ...]:
    """Give the values of `AGENT_ROW`."""
    return (
        report.hostname,
        report.ipaddress,
        id_serv,
        report.intervalo,
        report.version_agente,
        momento,
        server.num_agente,
        server.next_number,
        None if recibido is None else sql_time(recibido),
        report.descartados,
    )
