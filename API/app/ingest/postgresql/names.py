"""Names get their numbers in transactions of their own, which end at once.

A batch that held a new name until its commit would have every other collector that meets the same
name wait for it, holding what others wait for. A name that no report needs in the end does no harm.

Names are found by their MD5, which is short enough for an index, and then compared: two with one
MD5 are easily made (https://www.rfc-editor.org/rfc/rfc6151). The second of them is refused.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from API.app.ingest.tables import Name


class NameTakenError(Exception):
    """Another name has the same MD5; the message has the one that there is no place for."""


def numbers_of(connection: Connection, wanted: "Collection[Name]") -> "Mapping[Name, int]":
    """Give each name its `id_hecho`; new ones are there for everybody when it returns.

    Raises:
        NameTakenError: one of them cannot be told from another by its MD5.
    """
    found = _find(connection, wanted)
    if missing := set(wanted) - found.keys():
        with connection.engine.begin() as own:
            # All in one order: who waits for another has nothing that the other wants.
            own.exec_driver_sql(_NEW, _columns(sorted(missing, key=_place)))
        found |= _find(connection, missing)
        if refused := missing - found.keys():
            raise NameTakenError(f"another name has the MD5 of {min(refused, key=_place)}")
    return found


def repeat(connection: Connection, times: int) -> None:
    """Have `repeticiones` go up to `times`, for everybody when it returns."""
    with connection.engine.begin() as own:
        own.exec_driver_sql(_REPEAT, (times,))


def _find(connection: Connection, wanted: "Collection[Name]") -> "dict[Name, int]":
    rows = connection.exec_driver_sql(_FIND, _columns(wanted))
    return {(campo, nombre, valor): id_hecho for campo, nombre, valor, id_hecho in rows}


def _columns(names: "Collection[Name]") -> tuple[list[str | None], ...]:
    return tuple([name[place] for name in names] for place in range(3))


def _place(name: "Name") -> tuple[str, ...]:
    campo, nombre, valor = name
    return (campo, nombre) if valor is None else (campo, nombre, valor)


_WANTED = "unnest(?::text[], ?::text[], ?::text[]) AS wanted (campo, nombre, valor)"
_FIND = f"""
    SELECT wanted.*, hechos.id_hecho FROM {_WANTED} JOIN hechos
    ON hechos.campo = wanted.campo AND md5(hechos.nombre) = md5(wanted.nombre)
    AND (md5(hechos.valor) = md5(wanted.valor) OR (hechos.valor IS NULL AND wanted.valor IS NULL))
    AND hechos.nombre = wanted.nombre AND hechos.valor IS NOT DISTINCT FROM wanted.valor
"""  # noqa: S608 - text of our own
_NEW = f"""
    INSERT INTO hechos (campo, nombre, valor) SELECT * FROM {_WANTED} ON CONFLICT DO NOTHING
"""  # noqa: S608
_REPEAT = "INSERT INTO repeticiones SELECT generate_series(1, ?) ON CONFLICT DO NOTHING"
