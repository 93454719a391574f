"""Reads and writes the rows of `periodos`, the table behind the views `historial_*`."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from API.app.ingest.keys import Key, Keys, key_of, parts_of
from API.app.ingest.tables import tables_of
from createDB.schema import MAX_NUMBER, OPEN


class Period(NamedTuple):
    """How long something was true."""

    key: Key
    desde: int
    hasta: int
    veces: int
    inicio: int | None
    propio: bool


@dataclass(slots=True)
class Server:
    """What must be known of a server to put its next report in its place."""

    num_agente: int
    momento: int | None = None
    """Of its latest report, in milliseconds; None before the first."""
    next_number: int = 0
    """The number that its next period gets."""
    open: dict[str, "Keys[int]"] = field(default_factory=dict)
    """Field -> keys of its open periods, each as often as its `veces` says."""
    boot: str | None = None
    """The `id_arranque` that its latest report named."""
    system: tuple[str | None, ...] | None = None
    """The values of the facts of the system in its latest report; None where not known."""
    version: str = ""
    """Where several collectors write: the transaction that last wrote its row in `agentes`."""

    def size(self) -> int:
        """Tell how many keys are remembered for it."""
        return sum(map(len, self.open.values()))


KNOWN_PRESENCES = 250_000
"""Rows of `presencias` that are known to be there: some 16 MiB."""


class Changes:
    """What is to be written, gathered over a batch of reports of different servers."""

    def __init__(self) -> None:
        self._closed: list[tuple[int, ...]] = []
        self._opened: list[tuple[int | None, ...]] = []
        self._moments: set[tuple[int, int]] = set()
        self._present: set[int] = set()
        """`id_hecho << 32 | num_agente`: a number takes half the memory of a pair."""
        self._known: set[int] = set()
        self._repetitions = 0

    def forget_presences(self) -> None:
        """Write every presence anew: some that were written may be gone."""
        self._known.clear()

    def close(self, server: Server, key: Key, momento: int) -> None:
        """End the open period of `key`."""
        self._closed.append((momento, server.num_agente, *parts_of(key)))
        self.note(server, momento)

    def open(self, server: Server, period: Period) -> None:
        """Begin a period."""
        id_hecho, pid = parts_of(period.key)
        self._opened.append(
            (
                server.num_agente, period.hasta, id_hecho, pid, period.desde, period.veces,
                server.next_number % MAX_NUMBER, period.inicio, int(period.propio),
            )
        )  # fmt: skip
        server.next_number += period.veces
        self._repetitions = max(self._repetitions, period.veces)
        presence = id_hecho << 32 | server.num_agente
        if presence not in self._known:
            self._present.add(presence)
        self.note(server, period.desde)
        if period.hasta != OPEN:
            self.note(server, period.hasta)

    def note(self, server: Server, momento: int) -> None:
        """Remember that something began or ended at `momento`."""
        self._moments.add((momento, server.num_agente))

    def flush(self, connection: Connection) -> None:
        """Write it all."""
        tables = tables_of(connection)
        tables.end_periods(connection, self._closed)
        tables.insert_periods(connection, self._opened)
        tables.insert_moments(connection, list(self._moments))
        present = [(presence >> 32, presence & 0xFFFFFFFF) for presence in self._present]
        tables.insert_presences(connection, present)
        if self._repetitions > 1:
            tables.repeat(connection, self._repetitions)
        if len(self._known) > KNOWN_PRESENCES:
            self._known.clear()
        self._known |= self._present
        for done in (self._closed, self._opened, self._moments, self._present):
            done.clear()
        self._repetitions = 0


def load_server(connection: Connection, id_agente: str) -> Server:
    """Give what the database knows of a server; it gets a row in `agentes` where it has none."""
    row = connection.exec_driver_sql(_LOAD, (id_agente,)).first()
    if row is None:
        return Server(connection.exec_driver_sql(_NEW_SERVER, (id_agente,)).scalar_one())
    server = Server(row.num_agente, row.momento, row.siguiente)
    load_open(connection, server)
    return server


def load_open(connection: Connection, server: Server) -> None:
    """Read the open periods of `server` anew."""
    server.system = server.boot = None
    found: defaultdict[str, list[Key]] = defaultdict(list)
    rows = connection.exec_driver_sql(_OPEN, (server.num_agente,)).fetchall()
    for campo, id_hecho, pid, veces, boot in rows:
        found[campo] += [key_of(id_hecho, pid)] * veces
        server.boot = boot or server.boot
    server.open = {field: Keys("q", keys) for field, keys in found.items()}


def periods_at(
    connection: Connection, num_agente: int, momento: int
) -> tuple[dict[str, dict[Key, Period]], str | None]:
    """Give what was true of a server at a moment: field -> key -> period; and its boot."""
    found: dict[str, dict[Key, Period]] = {}
    boot = None
    for row in connection.exec_driver_sql(_AT, (num_agente, momento, momento)):
        key = key_of(row.id_hecho, row.pid)
        period = Period(key, row.desde, row.hasta, row.veces, row.inicio, bool(row.propio))
        found.setdefault(row.campo, {})[key] = period
        if row.campo == "id_arranque":
            boot = row.nombre
    return found, boot


def periods_from(connection: Connection, num_agente: int, momento: int) -> dict[Key, Period]:
    """Give the periods of a server that begin at `momento`."""
    rows = connection.exec_driver_sql(_STARTING, (num_agente, momento, momento))
    return {
        key_of(row.id_hecho, row.pid): Period(
            key_of(row.id_hecho, row.pid), momento, row.hasta, row.veces, row.inicio, row.propio
        )
        for row in rows
    }


def end(connection: Connection, num_agente: int, periods: Iterable[Period], momento: int) -> None:
    """Have periods end at `momento`, before they did."""
    rows = [_moved(period, num_agente, momento) for period in periods]
    tables_of(connection).end_earlier(connection, rows)


def begin_earlier(
    connection: Connection, num_agente: int, periods: Iterable[Period], momento: int
) -> None:
    """Have periods begin at `momento`, before they did."""
    rows = [_moved(period, num_agente, momento) for period in periods]
    tables_of(connection).begin_earlier(connection, rows)


def _moved(period: Period, num_agente: int, momento: int) -> tuple[int, ...]:
    return (momento, num_agente, period.hasta, *parts_of(period.key))


_LOAD = "SELECT num_agente, momento, siguiente FROM agentes WHERE id_agente = ?"
_NEW_SERVER = "INSERT INTO agentes (id_agente, siguiente) VALUES (?, 0) RETURNING num_agente"
_AT = """
    SELECT campo, id_hecho, pid, desde, hasta, veces, inicio, propio, nombre
    FROM periodos JOIN hechos USING (id_hecho)
    WHERE num_agente = ? AND hasta > ? AND desde <= ?
"""
_OPEN = f"""
    SELECT campo, id_hecho, pid, veces, iif(campo = 'id_arranque', nombre, NULL)
    FROM periodos JOIN hechos USING (id_hecho) WHERE num_agente = ? AND hasta = {OPEN}
"""  # noqa: S608 - text of our own
_STARTING = """
    SELECT id_hecho, pid, hasta, veces, inicio, propio FROM periodos
    WHERE num_agente = ? AND hasta > ? AND desde = ?
"""
