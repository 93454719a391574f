"""What is judged: a report of a server, as the database has it."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.compliance.scope import COLUMN_FACTS

MAX_REASON = 500
"""Characters of a reason; an agent may give longer ones."""

_FACTS = sorted(COLUMN_FACTS)

SUBJECT = f"""
    SELECT s.id_serv, s.num_agente, s.momento, s.recibido, s.errores, a.id_agente, a.etiquetas,
           {", ".join(f"s.{name}" for name in _FACTS)}
    FROM agentes a JOIN servers s USING (num_agente)
"""  # noqa: S608 - names of our own
"""Reads subjects; a condition follows."""


class Subject:
    """A report that is to be judged."""

    __slots__ = ("_facts", "errores", "etiquetas", "id_agente", "id_serv", "momento", "num_agente",
                 "recibido")  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        """Take it from a row of `SUBJECT`."""
        self.id_serv: int = row[0]
        self.num_agente: int = row[1]
        self.momento: int = row[2]
        self.recibido: str = row[3]
        self.errores: dict[str, str] = msgspec.json.decode(row[4]) if row[4] else {}
        self.id_agente: str = row[5]
        self.etiquetas: str | None = row[6]
        self._facts = row[7:]

    def value(self, fact: str) -> str | None:
        """Give a fact that `servers` has a column for."""
        found: str | None = self._facts[_PLACES[fact]]
        return found

    def unknown(self, facts: Sequence[str]) -> str | None:
        """Tell why the first of `facts` that is not known isn't; None where all are."""
        for fact in facts:
            if fact in self.errores:
                return f"{fact}: {self.errores[fact]}"[:MAX_REASON]
            if fact in COLUMN_FACTS and self.value(fact) is None:
                return f"{fact}: el reporte no lo dice"
        return None


_PLACES = {name: place for place, name in enumerate(_FACTS)}


def select_subjects(connection: Connection, condition: str, *values: float) -> list[Subject]:
    """Give the reports that a condition of our own selects, with its order and limit."""
    rows = connection.exec_driver_sql(f"{SUBJECT} WHERE {condition}", values).all()
    return list(map(Subject, rows))


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
    AND (CAST(? AS TEXT) IS NULL OR a.id_agente = ? OR a.hostname = ?)
    ORDER BY a.num_agente
"""  # noqa: S608
