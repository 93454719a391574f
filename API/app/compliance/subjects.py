"""What is judged: a report of a server, as the database has it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.compliance.given import asked, given
from API.app.compliance.scope import COLUMN_FACTS
from createDB.schema import servers

MAX_REASON = 500
"""Characters of a reason; an agent may give longer ones."""

COLUMNS = tuple(servers.columns.keys())

_SELECTED = f"{', '.join(f's.{name}' for name in COLUMNS)}, a.id_agente, a.etiquetas"
SUBJECT = f"""
    SELECT {_SELECTED}
    FROM agentes a JOIN servers s USING (num_agente)
"""  # noqa: S608 - names of our own
"""Reads subjects; a condition follows."""


class Subject:
    """A report that is to be judged."""

    __slots__ = ("errores", "etiquetas", "id_agente", "id_serv", "momento", "num_agente",
                 "recibido", "row")  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        """Take it from a row of `SUBJECT`."""
        self.row: Sequence[Any] = row[: len(COLUMNS)]
        """The row of `servers`."""
        errors = row[_PLACES["errores"]]
        self.id_serv: int = row[_PLACES["id_serv"]]
        self.num_agente: int = row[_PLACES["num_agente"]]
        self.momento: int = row[_PLACES["momento"]]
        self.recibido: str = row[_PLACES["recibido"]]
        self.errores: dict[str, str] = msgspec.json.decode(errors) if errors else {}
        self.id_agente: str = row[-2]
        self.etiquetas: str | None = row[-1]

    def value(self, fact: str) -> str | None:
        """Give a fact that `servers` has a column for."""
        found: str | None = self.row[_PLACES[fact]]
        return found

    def unknown(self, facts: Sequence[str]) -> str | None:
        """Tell why the first of `facts` that is not known isn't; None where all are."""
        for fact in facts:
            if fact in self.errores:
                return f"{fact}: {self.errores[fact]}"[:MAX_REASON]
            if fact in COLUMN_FACTS and self.value(fact) is None:
                return f"{fact}: el reporte no lo dice"
        return None


_PLACES = {name: place for place, name in enumerate(COLUMNS)}


def select_subjects(connection: Connection, condition: str, *values: float | str) -> list[Subject]:
    """Give the reports that a condition of our own selects, with its order and limit."""
    rows = connection.exec_driver_sql(f"{SUBJECT} WHERE {condition}", values)
    return [Subject(tuple(row)) for row in rows]


def neighbours(
    connection: Connection, subjects: Iterable[Subject], until: int
) -> Mapping[int, Sequence[Subject | None]]:
    """Give the reports of its server next to each of some reports, before and after it by moment.

    Args:
        connection: to the database.
        subjects: the reports.
        until: the `id_serv` of the last report that counts.

    Returns:
        By the numbers of `subjects`: the one before and the one after; None where there is none.
    """
    rows = [(subject.id_serv, subject.num_agente, subject.momento) for subject in subjects]
    found: dict[int, list[Subject | None]] = {id_serv: [None, None] for id_serv, *_ in rows}
    for side, statement in enumerate(_NEIGHBOURS):
        for *row, id_serv in asked(connection, statement, rows, until):
            found[id_serv][side] = Subject(row)
    return found


_NEIGHBOURS = [
    f"""{given("de", "num_agente", "momento")}
    SELECT {_SELECTED}, d.de FROM dados d CROSS JOIN agentes a ON a.num_agente = d.num_agente
    CROSS JOIN servers s ON s.num_agente = d.num_agente AND s.id_serv = (
        SELECT r.id_serv FROM servers r
        WHERE r.num_agente = d.num_agente AND r.momento {side} d.momento AND r.id_serv <= ?
        ORDER BY r.momento {order} LIMIT 1)
    """  # noqa: S608 - text of our own
    for side, order in (("<", "DESC"), (">", "ASC"))
]


def fleet_at(connection: Connection, momento: int, server: str | None = None) -> Iterator[Subject]:
    """Give the report of each server that was its latest at a moment.

    Args:
        connection: to the database.
        momento: in milliseconds since 1970.
        server: the `id_agente` or `hostname` of the only one to give.
    """
    rows = connection.exec_driver_sql(_AT, (momento, server, server, server)).all()
    return (Subject(tuple(row)) for row in rows)


_AT = f"""{SUBJECT}
    WHERE s.id_serv = (
        SELECT r.id_serv FROM servers r WHERE r.num_agente = a.num_agente AND r.momento <= ?
        ORDER BY r.momento DESC LIMIT 1)
    AND (CAST(? AS TEXT) IS NULL OR a.id_agente = ? OR a.hostname = ?)
    ORDER BY a.num_agente
"""  # noqa: S608
