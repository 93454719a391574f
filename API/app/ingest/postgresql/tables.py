"""How rows go into PostgreSQL: by COPY where they are new, as arrays where they change others."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Integer
from sqlalchemy.exc import IntegrityError

from API.app.ingest.agents import update_agents_from
from API.app.ingest.postgresql import holding, names
from API.app.ingest.postgresql.copying import bigint, copying, count, integer, moment, text
from API.app.ingest.postgresql.lists import PROCESOS, USUARIOS, Lists, sessions
from createDB.postgresql.locks import Lock
from createDB.schema import OPEN, periodos, servers

if TYPE_CHECKING:
    from API.app.ingest.periods import Server
    from API.app.ingest.tables import Name, Row, Stands


class PostgresqlTables:
    """`Tables` of PostgreSQL, where several collectors write."""

    shared = True

    def __init__(self) -> None:
        """Make it."""
        self._lists = Lists()

    def hold(
        self, connection: Connection, idents: Collection[str], known: "Mapping[str, Server]"
    ) -> "dict[str, Server]":
        """Lock the rows of these servers; load those that are not as they are remembered."""
        return holding.hold(connection, idents, known)

    def names(self, connection: Connection, wanted: "Collection[Name]") -> "Mapping[Name, int]":
        """Give each name its `id_hecho`, in a transaction of its own where one is new."""
        return names.numbers_of(connection, wanted)

    def number(self, connection: Connection, rows: "Sequence[Row]") -> dict[int, int]:
        """Number the reports by `reportes`, where those that are there already are found."""
        if any(row[_ID_SERV] is not None for row in rows):
            rows = _numbered_to_be_judged(connection, rows)
        given = [row[_ID_SERV] for row in rows if row[_ID_SERV] is not None]
        if given:
            _skip_to(connection, max(given))
        columns = [[row[place] for row in rows] for place in _OF_REPORTES]
        created = dict(map(tuple, connection.exec_driver_sql(_NUMBER, tuple(columns)).all()))
        brought = [number for number in created.values() if number in set(given)]
        if brought:
            _require_free(connection, brought)
        return created

    def find(self, connection: Connection, num_agente: int, id_reporte: str) -> int:
        """Give the number of a report that is there."""
        found = connection.exec_driver_sql(_FIND_REPORT, (num_agente, id_reporte))
        return int(found.scalar_one())

    def inserting(
        self, connection: Connection, reports: "Sequence[Stands]", *, lists: bool
    ) -> Iterator[int]:
        """Write the rows of `servers`, and of the reports' lists.

        The server takes in those of a list while whoever asked for the next goes on with his own.
        """
        if reports:
            rows = b"".join(map(_server, reports))
            with copying(connection, _SERVERS) as copy:
                copy.write(rows)
        if not lists:
            yield from range(len(reports))
        elif reports:
            with copying(connection, USUARIOS) as copy:
                copy.write(b"".join(map(sessions, reports)))
            with copying(connection, PROCESOS) as copy:
                for place, report in enumerate(reports):
                    copy.write(self._lists.processes(report))
                    yield place

    def update_agents(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Let `agentes` say what the reports do; their rows are held."""
        _for_columns(connection, _UPDATE_AGENTS, rows)

    def end_periods(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """End open periods: they move to the partition of their month."""
        _for_columns(connection, _END, rows)

    def end_earlier(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have periods end before they did: they move to the partition of their month."""
        _for_columns(connection, _END_EARLIER, rows)

    def begin_earlier(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have periods begin before they did."""
        _for_columns(connection, _BEGIN_EARLIER, rows)

    def insert_periods(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Begin periods."""
        if rows:
            with copying(connection, _PERIODOS) as copy:
                copy.write(b"".join(map(_period, rows)))

    def insert_moments(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have `momentos` hold these rows."""
        _for_columns(connection, _MOMENTS, rows)

    def insert_presences(self, connection: Connection, rows: "Sequence[Row]") -> None:
        """Have `presencias` hold these rows."""
        _for_columns(connection, _PRESENCES, rows)

    def repeat(self, connection: Connection, times: int) -> None:
        """Have `repeticiones` go up to `times`, in a transaction of its own."""
        names.repeat(connection, times)


POSTGRESQL = PostgresqlTables()


def _for_columns(connection: Connection, statement: str, rows: "Sequence[Row]") -> None:
    """Run a statement for many rows, told it as an array for each column."""
    if rows:
        connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))


def _numbered_to_be_judged(connection: Connection, rows: "Sequence[Row]") -> "Sequence[Row]":
    """Take away the numbers that judging may have passed: it goes up from number to number.

    It has passed one whose report was rolled back, and comes back from the log while others store.
    """
    # From before a number is taken, as `API.app.compliance.postgresql.gaps` wants it.
    connection.exec_driver_sql("LOCK TABLE reportes IN ROW EXCLUSIVE MODE")
    passed = connection.exec_driver_sql(_PASSED).scalar() or 0
    return [
        (None, *row[1:]) if row[_ID_SERV] is not None and row[_ID_SERV] <= passed else row
        for row in rows
    ]


def _skip_to(connection: Connection, number: int) -> None:
    """Have the sequence not give a number that a report brings along, nor one before it.

    Called within an import. The sequence is moved by taking numbers from it: setting it could set
    it back to where another collector has just passed it.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(?)", (int(Lock.IMPORTING),))
    connection.exec_driver_sql(_SKIP, (number,))


def _require_free(connection: Connection, numbers: list[int]) -> None:
    """Refuse numbers that others have; nobody else brings numbers along until the commit."""
    taken = connection.exec_driver_sql(_TAKEN, (numbers,)).scalars().all()
    if taken or len(set(numbers)) < len(numbers):
        raise IntegrityError(_TAKEN, (numbers,), ValueError(f"numbers taken: {taken}"))


def _writer_of(column: Column[Any]) -> Callable[[Any], bytes]:
    if isinstance(column.type, DateTime):
        return moment
    if isinstance(column.type, BigInteger):
        return bigint
    return integer if isinstance(column.type, Integer) else text


def _server(report: "Stands") -> bytes:
    row = (report.id_serv, *report.server[1:])
    values = (write(value) for write, value in zip(_WRITE_SERVER, row, strict=True))
    return count(len(row)) + b"".join(values)


def _period(row: "Row") -> bytes:
    number, hasta, id_hecho, pid, desde, veces, numero, inicio, propio = row
    return _PERIOD.pack(
        9, 4, number, 8, hasta, 4, id_hecho, 8, pid, 8, desde, 4, veces, 4, numero
    ) + bigint(inicio) + integer(propio)  # fmt: skip


_COLUMNS = [column.name for column in servers.columns]
_ID_SERV = _COLUMNS.index("id_serv")
_OF_REPORTES = [
    _COLUMNS.index(name) for name in ("num_agente", "id_reporte", "id_serv", "recibido")
]
_SERVERS = f"servers ({', '.join(_COLUMNS)})"
_WRITE_SERVER = [_writer_of(column) for column in servers.columns]
_PERIOD = Struct("!hiiiqiiiqiqiiii")
_PERIODOS = f"periodos ({', '.join(column.name for column in periodos.columns)})"
_NUMBER = """
    INSERT INTO reportes (num_agente, id_reporte, id_serv, recibido)
    SELECT number, report, coalesce(given, nextval('servers_id_serv_seq')), came
    FROM unnest(?::integer[], ?::text[], ?::bigint[], ?::timestamp[])
        AS wanted (number, report, given, came)
    WHERE NOT EXISTS (SELECT FROM reportes WHERE num_agente = number AND id_reporte = report)
    ON CONFLICT DO NOTHING RETURNING num_agente, id_serv
"""
_SKIP = """
    SELECT count(nextval('servers_id_serv_seq')) FROM servers_id_serv_seq,
    LATERAL generate_series(last_value + is_called::integer, ?)
"""
_PASSED = """
    SELECT last_value FROM servers_id_serv_seq
    WHERE is_called AND EXISTS (SELECT FROM avance WHERE que = 'juzgado')
"""
"""Before anything was judged, nothing can have been passed."""
_TAKEN = "SELECT id_serv FROM servers WHERE id_serv = ANY(?)"
_FIND_REPORT = "SELECT id_serv FROM reportes WHERE num_agente = ? AND id_reporte = ?"
_UPDATE_AGENTS = update_agents_from(
    "SELECT * FROM unnest(?::text[], ?::text[], ?::bigint[], ?::float8[], ?::text[], ?::bigint[], "
    "?::integer[], ?::bigint[], ?::timestamp[], ?::bigint[])"
)
_END = f"""
    UPDATE periodos SET hasta = ended.momento
    FROM unnest(?::bigint[], ?::integer[], ?::integer[], ?::bigint[])
        AS ended (momento, number, hecho, process)
    WHERE num_agente = number AND hasta = {OPEN} AND id_hecho = hecho AND pid = process
"""  # noqa: S608 - text of our own
_MOVED = """
    FROM unnest(?::bigint[], ?::integer[], ?::bigint[], ?::integer[], ?::bigint[])
        AS moved (momento, number, until, hecho, process)
    WHERE num_agente = number AND hasta = until AND id_hecho = hecho AND pid = process
"""
_END_EARLIER = f"UPDATE periodos SET hasta = moved.momento {_MOVED}"  # noqa: S608
_BEGIN_EARLIER = f"UPDATE periodos SET desde = moved.momento {_MOVED}"  # noqa: S608
_MOMENTS = """
    INSERT INTO momentos (momento, num_agente)
    SELECT * FROM unnest(?::bigint[], ?::integer[]) ON CONFLICT DO NOTHING
"""
_PRESENCES = """
    INSERT INTO presencias (id_hecho, num_agente)
    SELECT * FROM unnest(?::integer[], ?::integer[]) ON CONFLICT DO NOTHING
"""
