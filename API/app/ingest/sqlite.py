"""How rows go into SQLite: statements of up to 256 rows, which the driver keeps prepared."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from API.app.facts import NO_PID, Items
from API.app.ingest.agents import AGENT_ROW, update_agents_from
from API.app.ingest.sql import insert_statement, run_for_rows, values_of
from createDB.schema import OPEN, servers

if TYPE_CHECKING:
    from API.app.ingest.periods import Server
    from API.app.ingest.tables import Name, Row, Stands


class SqliteTables:
    """`Tables` of SQLite; there is one writer, whom the database's own lock keeps alone."""

    shared = False

    def hold(
        self, _connection: Connection, _idents: Collection[str], _known: "Mapping[str, Server]"
    ) -> "dict[str, Server]":
        """Nobody else writes: all that is remembered is so."""
        return {}

    def names(self, connection: Connection, wanted: "Collection[Name]") -> "Mapping[Name, int]":
        """Give each name its `id_hecho`."""
        found = {}
        for name in wanted:
            number = connection.exec_driver_sql(_FIND_NAME, name).scalar()
            found[name] = number or connection.exec_driver_sql(_NEW_NAME, name).scalar_one()
        return found

    def number(self, connection: Connection, rows: "Sequence[Row]") -> dict[int, int]:
        """Write the rows of `servers`; those that are new are numbered by it."""
        return dict(map(tuple, run_for_rows(connection, _insert_servers, rows)))

    def find(self, connection: Connection, num_agente: int, id_reporte: str) -> int:
        """Give the number of a report that is there."""
        found = connection.exec_driver_sql(_FIND_REPORT, (num_agente, id_reporte))
        return int(found.scalar_one())

    def inserting(
        self, connection: Connection, reports: "Sequence[Stands]", *, lists: bool
    ) -> Iterator[int]:
        """Give each item of the reports' lists a row."""
        for place, report in enumerate(reports):
            if lists:
                _insert_lists(connection, report)
            yield place

    def update_agents(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Let `agentes` say what the reports do."""
        run_for_rows(connection, _update_agents, rows)

    def end_periods(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """End open periods."""
        if rows:  # one by one: an UPDATE of many first gathers them in a table of its own
            connection.exec_driver_sql(_END_OPEN, list(rows))

    def end_earlier(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have periods end before they did."""
        if rows:
            connection.exec_driver_sql(_END_EARLIER, list(rows))

    def begin_earlier(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have periods begin before they did."""
        if rows:
            connection.exec_driver_sql(_BEGIN_EARLIER, list(rows))

    def insert_periods(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Begin periods."""
        run_for_rows(connection, _insert_periods, rows)

    def insert_moments(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have `momentos` hold these rows."""
        run_for_rows(connection, _insert_moments, rows)

    def insert_presences(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have `presencias` hold these rows."""
        run_for_rows(connection, _insert_presences, rows)

    def repeat(self, connection: Connection, times: int) -> None:
        """Have `repeticiones` go up to `times`."""
        connection.exec_driver_sql(_REPETITIONS, (times,))


def _insert_lists(connection: Connection, report: "Stands") -> None:
    shared = (report.id_serv, report.server[1], report.server[2])
    found = report.lists["procesos"]
    processes = [(pid, *label) for pid, label in zip(found.pids, found.labels, strict=True)]
    run_for_rows(connection, _insert_processes, processes, shared)
    sessions = _sessions(report.lists["usuarios_activos"])
    run_for_rows(connection, _insert_sessions, sessions, shared)


def _sessions(found: Items) -> list[tuple[Any, ...]]:
    return [
        (name, None if pid == NO_PID else pid)
        for (name, _), pid in zip(found.labels, found.pids, strict=True)
    ]


_FIND_REPORT = "SELECT id_serv FROM servers WHERE num_agente = ? AND id_reporte = ?"
_FIND_NAME = "SELECT id_hecho FROM hechos WHERE campo = ? AND nombre = ? AND valor IS ?"
_NEW_NAME = "INSERT INTO hechos (campo, nombre, valor) VALUES (?, ?, ?) RETURNING id_hecho"
_END_OPEN = f"""
    UPDATE periodos SET hasta = ?
    WHERE num_agente = ? AND hasta = {OPEN} AND id_hecho = ? AND pid = ?
"""  # noqa: S608 - text of our own
_KEY = "num_agente = ? AND hasta = ? AND id_hecho = ? AND pid = ?"
_END_EARLIER = f"UPDATE periodos SET hasta = ? WHERE {_KEY}"  # noqa: S608 - text of our own
_BEGIN_EARLIER = f"UPDATE periodos SET desde = ? WHERE {_KEY}"  # noqa: S608
_REPETITIONS = """
    WITH RECURSIVE missing (n) AS (
        SELECT coalesce(max(n), 0) + 1 FROM repeticiones
        UNION ALL SELECT n + 1 FROM missing WHERE n < ?1
    )
    INSERT INTO repeticiones SELECT n FROM missing WHERE n <= ?1
"""


@cache
def _insert_servers(rows: int) -> str:
    return (
        f"{insert_statement(servers, rows)} "
        "ON CONFLICT (num_agente, id_reporte) DO NOTHING RETURNING num_agente, id_serv"
    )


@cache
def _insert_processes(rows: int) -> str:
    columns = "id_serv, ip_server, fecha_hora, pid, name, username"
    return f"INSERT INTO procesos ({columns}) {values_of(3, rows, shared=3)}"


@cache
def _insert_sessions(rows: int) -> str:
    columns = "id_serv, ip_server, fecha_hora, username, pid"
    return f"INSERT INTO usuarios_activos ({columns}) {values_of(2, rows, shared=3)}"


@cache
def _update_agents(rows: int) -> str:
    return update_agents_from(values_of(len(AGENT_ROW), rows))


@cache
def _insert_periods(rows: int) -> str:
    return f"INSERT INTO periodos {values_of(9, rows)}"


@cache
def _insert_moments(rows: int) -> str:
    return f"INSERT OR IGNORE INTO momentos (momento, num_agente) {values_of(2, rows)}"


@cache
def _insert_presences(rows: int) -> str:
    return f"INSERT OR IGNORE INTO presencias (id_hecho, num_agente) {values_of(2, rows)}"
