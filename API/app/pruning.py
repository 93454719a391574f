"""Removes from PostgreSQL what nothing refers to after a month of periods has gone.

These are moments, a server's names (`presencias`), and names that no server has any more. Several
collectors store reports meanwhile, and remember the numbers of names, and which server has which.
So whoever takes a name from a server holds that server's row and writes it, upon which they look
again; and a name goes only while nobody is about to give it to a server. Who still remembers it
then is refused by the foreign key, and looks again too
(docs/adr/0030-housekeeping-drops-partitions.md).
"""

from sqlalchemy import Connection

from API.app.ingest.postgresql.holding import look_up_by_keys


def prune(connection: Connection, month: str, first: int, last: int) -> int:
    """Remove what only the periods of a month referred to, of some servers.

    Args:
        connection: inside a transaction; what it locks, reports of these servers wait for.
        month: the table with the periods; it is no partition any more.
        first: the first server, by `num_agente`.
        last: the last one.

    Returns:
        how many names servers lost.
    """
    look_up_by_keys(connection)
    held = list(connection.exec_driver_sql(_HOLD.format(month), (first, last)).scalars())
    if not held:
        return 0
    connection.exec_driver_sql(_DROP_MOMENTS.format(month), (held,) * 4)
    lost = connection.exec_driver_sql(_DROP_PRESENCES.format(month), (held, held)).all()
    if lost:
        connection.exec_driver_sql(_WRITE, (sorted({row.num_agente for row in lost}),))
        _drop_names(connection, sorted({row.id_hecho for row in lost}))
    return len(lost)


def _drop_names(connection: Connection, names: list[int]) -> None:
    """Remove those names that no server has, nor is about to have."""
    free = list(connection.exec_driver_sql(_LOCK_NAMES, (names,)).scalars())
    if free:  # looked at again: one may have been given to a server before it was locked
        connection.exec_driver_sql(_DROP_NAMES, (free,))


_HOLD = """
    SELECT num_agente FROM agentes a WHERE num_agente BETWEEN ? AND ?
    AND EXISTS (SELECT FROM {} p WHERE p.num_agente = a.num_agente)
    ORDER BY num_agente FOR NO KEY UPDATE
"""
_DROP_MOMENTS = """
    WITH gone AS (
        (SELECT num_agente, desde AS momento FROM {0} WHERE num_agente = ANY(?)
            UNION SELECT num_agente, hasta FROM {0} WHERE num_agente = ANY(?))
        EXCEPT SELECT num_agente, desde FROM periodos WHERE num_agente = ANY(?)
        EXCEPT SELECT num_agente, hasta FROM periodos WHERE num_agente = ANY(?))
    DELETE FROM momentos m USING gone
    WHERE m.momento = gone.momento AND m.num_agente = gone.num_agente
"""
_DROP_PRESENCES = """
    WITH gone AS (
        SELECT num_agente, id_hecho FROM {} WHERE num_agente = ANY(?)
        EXCEPT SELECT num_agente, id_hecho FROM periodos WHERE num_agente = ANY(?))
    DELETE FROM presencias p USING gone
    WHERE p.id_hecho = gone.id_hecho AND p.num_agente = gone.num_agente
    RETURNING p.num_agente, p.id_hecho
"""
_WRITE = "UPDATE agentes SET siguiente = siguiente WHERE num_agente = ANY(?)"
_UNUSED = "NOT EXISTS (SELECT FROM presencias p WHERE p.id_hecho = h.id_hecho)"
_LOCK_NAMES = f"""
    SELECT id_hecho FROM hechos h WHERE id_hecho = ANY(?) AND {_UNUSED} FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - text of our own
_DROP_NAMES = f"DELETE FROM hechos h WHERE id_hecho = ANY(?) AND {_UNUSED}"  # noqa: S608
