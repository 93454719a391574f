"""Reads and writes what the judge keeps: `politicas`, `cumplimiento`, `avance`, `por_juzgar`.

Whoever is to be told of a change of verdict finds it in `alertas`, written in the same transaction.
"""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from API.app.alerts import incidents
from API.app.compliance.given import asked, given
from API.app.compliance.library import Rule
from API.app.compliance.timeline import Period
from API.app.ingest.sql import insert_statement
from createDB.schema import OPEN, cumplimiento


class KnownPolicy(NamedTuple):
    """A row of `politicas`."""

    num_politica: int
    id_politica: str
    huella: str
    vigente: int
    repaso: int | None


def place_of(connection: Connection) -> int:
    """Tell the `id_serv` of the last report that was judged; 0 before the first."""
    return int(connection.exec_driver_sql(_PLACE).scalar() or 0)


def advance(connection: Connection, id_serv: int) -> None:
    """Note that reports up to `id_serv` have been judged."""
    connection.exec_driver_sql(_ADVANCE, (id_serv,))


def known_policies(connection: Connection) -> dict[str, KnownPolicy]:
    """Give the policies that are or were in force, by their `id`."""
    rows = connection.exec_driver_sql(_KNOWN)
    return {row.id_politica: KnownPolicy(*row) for row in rows}


def put_in_force(connection: Connection, rule: Rule) -> None:
    """Note a policy that is new, or has changed; whatever it judges is to be judged anew."""
    policy = rule.policy
    document = msgspec.json.encode(policy).decode()
    # What is judged by the clock comes round by itself.
    review = None if rule.scope.fleet else 0
    connection.exec_driver_sql(
        _PUT, (policy.id, policy.titulo, policy.severidad, rule.huella, document, review)
    )


def withdraw(connection: Connection, num_politica: int, momento: int) -> None:
    """Note that a policy is no longer in force, and end what it says."""
    connection.exec_driver_sql(_WITHDRAW, (num_politica,))
    connection.exec_driver_sql(_END_ALL, (momento, num_politica))
    incidents.follow_policy(connection, num_politica)


def reviewed(connection: Connection, policies: Iterable[int], repaso: int | None) -> None:
    """Note up to which server policies have been judged anew."""
    for number in policies:
        connection.exec_driver_sql(_REVIEWED, (repaso, number))


def remove(connection: Connection, keys: Collection[tuple[int, int, int]]) -> None:
    """Remove periods, by their servers, policies and beginnings."""
    if keys:
        connection.exec_driver_sql(_REMOVE, list(keys))


def write(
    connection: Connection, periods: Iterable[Period], turned: Container[tuple[int, int]]
) -> None:
    """Write periods; one that begins where another of its policy and server did replaces it.

    Args:
        connection: in a transaction.
        periods: what is to be written.
        turned: servers and policies whose verdict is another one than before. There is nothing to
            tell anybody of the others, whatever their evidence is by now.
    """
    rows = list(periods)
    if rows:
        connection.exec_driver_sql(_WRITE, list(map(tuple, rows)))
        incidents.follow(connection, [row for row in rows if row[:2] in turned])


def periods_within(
    connection: Connection, spans: Mapping[int, tuple[int, int]]
) -> Sequence[Period]:
    """Give what policies say of some servers, by the periods' beginnings.

    Args:
        connection: to the database.
        spans: of each server two moments: periods are given that end after the first and do not
            begin after the second.
    """
    rows = [(number, *span) for number, span in spans.items()]
    return [Period(*row) for row in asked(connection, _WITHIN, rows)]


def owe(connection: Connection, moments: Mapping[int, int]) -> None:
    """Note servers whose reports from a moment on some policies are to judge anew."""
    if moments:
        connection.exec_driver_sql(_OWE, list(moments.items()))


def owed(connection: Connection, after: int, limit: int) -> Mapping[int, int]:
    """Give servers whose reports are to be judged anew, and from which moment on.

    Args:
        connection: to the database.
        after: the number of a server; those after it come first.
        limit: how many to give at most.
    """
    for since in dict.fromkeys((after, 0)):
        if rows := connection.exec_driver_sql(_OWED, (since, limit)).all():
            return {row.num_agente: row.desde for row in rows}
    return {}


def settle(connection: Connection, moments: Mapping[int, int]) -> None:
    """Note from which moment on reports of servers are still to be judged anew; OPEN: none are."""
    left = [(momento, number) for number, momento in moments.items() if momento != OPEN]
    done = [(number,) for number, momento in moments.items() if momento == OPEN]
    for statement, rows in ((_SETTLE, left), (_SETTLED, done)):
        if rows:
            connection.exec_driver_sql(statement, rows)


_PLACE = "SELECT hasta FROM avance WHERE que = 'juzgado'"
_ADVANCE = """
    INSERT INTO avance (que, hasta) VALUES ('juzgado', ?)
    ON CONFLICT (que) DO UPDATE SET hasta = excluded.hasta
"""
_KNOWN = "SELECT num_politica, id_politica, huella, vigente, repaso FROM politicas"
_PUT = """
    INSERT INTO politicas (id_politica, titulo, severidad, huella, documento, repaso, vigente)
    VALUES (?, ?, ?, ?, ?, ?, 1)
    ON CONFLICT (id_politica) DO UPDATE SET
        titulo = excluded.titulo, severidad = excluded.severidad, huella = excluded.huella,
        documento = excluded.documento, repaso = excluded.repaso, vigente = 1
"""
_WITHDRAW = "UPDATE politicas SET vigente = 0, repaso = NULL WHERE num_politica = ?"
_END_ALL = f"""
    UPDATE cumplimiento SET hasta = max(?, desde + 1) WHERE num_politica = ? AND hasta = {OPEN}
"""  # noqa: S608 - a number of our own
_REVIEWED = "UPDATE politicas SET repaso = ? WHERE num_politica = ?"
_COLUMNS = ", ".join(f"c.{name}" for name in Period._fields)
_WITHIN = f"""
    {given("num_agente", "desde", "hasta")}
    SELECT {_COLUMNS} FROM dados d CROSS JOIN cumplimiento c ON c.num_agente = d.num_agente
    WHERE +c.hasta > d.desde AND c.desde <= d.hasta ORDER BY c.desde
"""  # noqa: S608
"""Server by server: the index that has `hasta` in front would find those of all."""
_OWE = """
    INSERT INTO por_juzgar (num_agente, desde) VALUES (?, ?)
    ON CONFLICT (num_agente) DO UPDATE SET desde = min(por_juzgar.desde, excluded.desde)
"""
_OWED = "SELECT num_agente, desde FROM por_juzgar WHERE num_agente > ? ORDER BY num_agente LIMIT ?"
_SETTLE = "UPDATE por_juzgar SET desde = ? WHERE num_agente = ?"
_SETTLED = "DELETE FROM por_juzgar WHERE num_agente = ?"
_WRITE = f"""{insert_statement(cumplimiento)}
    ON CONFLICT (num_agente, num_politica, desde) DO UPDATE SET
        hasta = excluded.hasta, veredicto = excluded.veredicto, evidencia = excluded.evidencia,
        evidencia_ultima = excluded.evidencia_ultima, razon = excluded.razon
"""
_REMOVE = "DELETE FROM cumplimiento WHERE num_agente = ? AND num_politica = ? AND desde = ?"
