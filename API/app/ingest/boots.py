"""Which boot of a server is its current one (docs/adr): kept by the writer, in `arranques`."""

from collections.abc import Collection

from sqlalchemy import Connection

from API.app.ingest.periods import Server

REMEMBERED = 100_000
"""Servers whose current boot is kept in memory; of others it is read when needed."""

KEPT = 100
"""Boots of a server that are kept; an agent that makes them up does not fill the disk."""

_CURRENT = """
    SELECT id_arranque, desde FROM arranques WHERE num_agente = ? ORDER BY desde DESC LIMIT 1
"""
_KNOWN = "SELECT 1 FROM arranques WHERE num_agente = ? AND id_arranque = ?"
_FOLLOW = "INSERT INTO arranques (num_agente, desde, id_arranque) VALUES (?, ?, ?)"
_FORGET = """
    DELETE FROM arranques WHERE num_agente = ?1 AND desde <=
        (SELECT desde FROM arranques WHERE num_agente = ?1 ORDER BY desde DESC LIMIT 1 OFFSET ?2)
"""


class Boots:
    """The current boots. It remembers what it wrote: `forget` after a rollback."""

    def __init__(self) -> None:
        self._current: dict[int, tuple[str | None, int]] = {}

    def forget(self) -> None:
        """Drop what is remembered."""
        self._current.clear()

    def forget_some(self, servers: Collection[int]) -> None:
        """Drop what is remembered of these, by `num_agente`: somebody else may have changed it."""
        for number in servers:
            self._current.pop(number, None)

    def follow(
        self, connection: Connection, server: Server, boot: str | None, momento: int
    ) -> None:
        """Let the boot of a report be the current one, if it is another and the report is newer.

        Args:
            connection: inside the transaction that stores the report.
            server: that sent it, before the report counts.
            boot: `id_arranque` of the report; None or "" where it could not tell.
            momento: its place in the server's history, in milliseconds.
        """
        if not boot:
            return
        current, since = self._of(connection, server.num_agente)
        if boot == current or (current is not None and momento <= since):
            return
        if connection.exec_driver_sql(_KNOWN, (server.num_agente, boot)).first():
            return  # another machine's, let in by a hair: it is refused the next time
        # Whatever the boot before has reported is from before this one, however the clocks ran.
        since = max(momento, server.momento or momento)
        connection.exec_driver_sql(_FOLLOW, (server.num_agente, since, boot))
        connection.exec_driver_sql(_FORGET, (server.num_agente, KEPT))
        self._current[server.num_agente] = (boot, since)

    def _of(self, connection: Connection, num_agente: int) -> tuple[str | None, int]:
        known = self._current.get(num_agente)
        if known is None:
            row = connection.exec_driver_sql(_CURRENT, (num_agente,)).first()
            known = (row.id_arranque, row.desde) if row else (None, 0)
            if len(self._current) >= REMEMBERED:
                self._current.clear()
            self._current[num_agente] = known
        return known
