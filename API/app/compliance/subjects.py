"""What is judged: a report of a server, as the database has it."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.compliance.scope import COLUMN_FACTS

MAX_REASON = 500
"""Characters of a reason; an agent may give longer ones."""

SUBJECT = f"""
    SELECT s.id_serv, s.num_agente, s.momento, s.recibido, s.errores, a.id_agente, a.etiquetas,
           {", ".join(f"s.{name}" for name in sorted(COLUMN_FACTS))}
    FROM agentes a JOIN servers s USING (num_agente)
"""  # noqa: S608 - names of our own
"""Reads subjects; a condition follows."""


class Subject:
    """A report that is to be judged."""

    def __init__(self, row: Any) -> None:
        """Take it from a row of `SUBJECT`."""
        self.id_serv: int = row.id_serv
        self.num_agente: int = row.num_agente
        self.momento: int = row.momento
        self.recibido: str = row.recibido
        self.errores: dict[str, str] = msgspec.json.decode(row.errores) if row.errores else {}
        self.etiquetas: str | None = row.etiquetas
        self.id_agente: str = row.id_agente
        self.row = row

    def value(self, fact: str) -> str | None:
        """Give a fact that `servers` has a column for."""
        found: str | None = getattr(self.row, fact)
        return found

    def unknown(self, facts: Sequence[str]) -> str | None:
        """Tell why the first of `facts` that is not known isn't; None where all are."""
        for fact in facts:
            if fact in self.errores:
                return f"{fact}: {self.errores[fact]}"[:MAX_REASON]
            if fact in COLUMN_FACTS and self.value(fact) is None:
                return f"{fact}: el reporte no lo dice"
        return None


def fleet_at(connection: Connection, momento: int, server: str | None = None) -> Iterator[Subject]:
    """Give the report of each server that was its latest at a moment.

    Args:
        connection: to the database.
        momento: in milliseconds since 1970.
        server: the `id_agente` or `hostname` of the only one to give.
    """
    rows = connection.exec_driver_sql(_AT, (momento, server, server, server)).all()
    return map(Subject, rows)


_AT = f"""{SUBJECT}
    WHERE s.id_serv = (
        SELECT r.id_serv FROM servers r WHERE r.num_agente = a.num_agente AND r.momento <= ?
        ORDER BY r.momento DESC LIMIT 1)
    AND (? IS NULL OR a.id_agente = ? OR a.hostname = ?)
    ORDER BY a.num_agente
"""  # noqa: S608
