"""How rows go in and out of the tables that reports fill: each kind of database has its own way.

What both understand is written once, beside the code that uses it. What differs in kind is behind
`Tables`: many rows at once, and how several collectors keep out of each other's way, which SQLite,
with one writer, has no need of (docs/adr/0026-rows-of-reports-in-postgresql.md).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import Connection

from API.app.facts import Items
from API.app.ingest.sqlite import SqliteTables

if TYPE_CHECKING:
    from API.app.ingest.periods import Server

Row = Sequence[Any]

Name = tuple[str, str, str | None]
"""A row of `hechos` but for its number: field, name, second text."""


class Stands(NamedTuple):
    """A report that has its number, and what its other rows are made of."""

    id_serv: int
    server: Row
    """Its row of `servers`, in the order of the columns that SQLite has."""
    lists: Mapping[str, Items]


class Tables(Protocol):
    """The statements that each kind of database has of its own; all within a transaction."""

    shared: bool
    """Whether other collectors may store reports in the same database."""

    def hold(
        self, connection: Connection, idents: Collection[str], known: "Mapping[str, Server]"
    ) -> "dict[str, Server]":
        """Keep other collectors from storing reports of these servers until the transaction ends.

        Args:
            connection: at the beginning of a transaction.
            idents: of the servers; each gets a row in `agentes` where it has none.
            known: what the caller remembers of servers.

        Returns:
            those of which it remembers nothing, or what is no longer so.
        """

    def names(self, connection: Connection, wanted: Collection[Name]) -> Mapping[Name, int]:
        """Give each name its `id_hecho`; it gets a row in `hechos` where it has none."""

    def number(self, connection: Connection, rows: Sequence[Row]) -> dict[int, int]:
        """Give reports of different servers their numbers.

        Args:
            connection: inside a transaction.
            rows: of `servers`; `id_serv` is None where the report has no number yet.

        Returns:
            `num_agente` -> `id_serv` of those that were not there before.

        Raises:
            IntegrityError: another report has the number that a row brings along.
        """

    def find(self, connection: Connection, num_agente: int, id_reporte: str) -> int:
        """Give the number of a report that is there."""

    def inserting(
        self, connection: Connection, reports: Sequence[Stands], *, lists: bool
    ) -> Iterator[int]:
        """Write the rows of reports that are new; all are there when there are no more to give.

        Args:
            connection: inside a transaction; it may be busy until then.
            reports: that `number` gave numbers.
            lists: whether the items of their lists get rows of their own.

        Returns:
            the place of one after the other, when its rows are on their way.
        """

    def update_agents(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Let `agentes` say what the reports do (`AGENT_ROW`), each of another server."""

    def end_periods(self, connection: Connection, rows: Sequence[Row]) -> None:
        """End open periods: moment, `num_agente`, `id_hecho`, `pid`."""

    def end_earlier(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Have periods end before they did: moment, `num_agente`, `hasta`, `id_hecho`, `pid`."""

    def begin_earlier(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Have periods begin before they did: rows as above."""

    def insert_periods(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Begin periods: the columns of `periodos`."""

    def insert_moments(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Have `momentos` hold these rows."""

    def insert_presences(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Have `presencias` hold these rows."""

    def repeat(self, connection: Connection, times: int) -> None:
        """Have `repeticiones` go up to `times`."""


_SQLITE = SqliteTables()


def tables_of(connection: Connection) -> Tables:
    """Give the statements for the database of `connection`."""
    if connection.dialect.name == "postgresql":
        from API.app.ingest.postgresql.tables import POSTGRESQL  # psycopg, which SQLite needs not

        return POSTGRESQL
    return _SQLITE
