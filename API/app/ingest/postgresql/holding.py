"""Several collectors may store reports of one server: whoever does holds its row in `agentes`.

A transaction first gives new servers their rows and then locks those of all its servers, both in
one order, so that none waits in a circle. What is remembered of a server counts if its row was
last written by the transaction that it was remembered from: every report that is stored writes it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from API.app.ingest.keys import Key, Keys, key_of
from API.app.ingest.periods import Server
from createDB.schema import OPEN


def hold(
    connection: Connection, idents: Collection[str], known: Mapping[str, Server]
) -> dict[str, Server]:
    """Lock the rows of these servers; load those that are not as they are remembered."""
    look_up_by_keys(connection)
    rows = _lock(connection, idents, known)
    found = {}
    for row in rows:
        server = known.get(row.id_agente)
        if server is None or server.version != row.version:
            server = Server(row.num_agente, row.momento, row.siguiente)
            found[row.id_agente] = server
        server.version = row.this
    if found:
        _load_open(connection, found.values())
    return found


def look_up_by_keys(connection: Connection) -> None:
    """Have each row that the transaction asks for be looked up by its key.

    The planner, which knows little of arrays, would rather read all that is open, of all servers.
    """
    connection.exec_driver_sql(_BY_KEYS)


def held_by_others(connection: Connection, idents: Collection[str]) -> Collection[str]:
    """Give those of these servers whose rows somebody else has locked.

    Args:
        connection: inside a transaction of its own, in which the others are locked.
        idents: of the servers.
    """
    return set(connection.exec_driver_sql(_HELD, (list(idents), list(idents))).scalars())


def lockers(connection: Connection) -> Sequence[str]:
    """Tell who has locked tables so that nobody can write to them: `servers: ana with psql, ...`.

    Whatever our role is, PostgreSQL tells it this much of everybody.
    """
    return connection.exec_driver_sql(_LOCKERS).scalars().all()


def end_hung(connection: Connection) -> None:
    """End the transactions of collectors that hang.

    Most are ended by PostgreSQL itself, but not those in the middle of a COPY, or of an answer that
    nobody reads.
    """
    connection.exec_driver_sql(_END_HUNG)


def _lock(
    connection: Connection, idents: Collection[str], known: Mapping[str, Server]
) -> Sequence[Row[Any]]:
    if new := [ident for ident in idents if ident not in known]:
        connection.exec_driver_sql(_NEW, (new,))
    rows = connection.exec_driver_sql(_LOCK, (list(idents),)).all()
    if len(rows) == len(idents):
        return rows
    connection.exec_driver_sql(_NEW, (list(idents),))  # somebody removed the row of one we know
    return connection.exec_driver_sql(_LOCK, (list(idents),)).all()


def _load_open(connection: Connection, servers: Collection[Server]) -> None:
    """Read the open periods of `servers`, which have none yet."""
    found: defaultdict[tuple[int, str], list[Key]] = defaultdict(list)
    boots = {}
    numbers = [server.num_agente for server in servers]
    for row in connection.exec_driver_sql(_OPEN, (numbers,)):
        found[row.num_agente, row.campo] += [key_of(row.id_hecho, row.pid)] * row.veces
        if row.campo == "id_arranque":
            boots[row.num_agente] = row.nombre
    by_number = {server.num_agente: server for server in servers}
    for (number, campo), keys in found.items():
        by_number[number].open[campo] = Keys("q", keys)
    for number, boot in boots.items():
        by_number[number].boot = boot


_BY_KEYS = """
    SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_seqscan', 'off', true)
"""
_NEW = """
    INSERT INTO agentes (id_agente, siguiente)
    SELECT id, 0 FROM unnest(?::text[]) AS wanted (id)
    WHERE NOT EXISTS (SELECT FROM agentes WHERE id_agente = id) ORDER BY id
    ON CONFLICT DO NOTHING
"""
_LOCK = """
    SELECT id_agente, num_agente, momento, siguiente, xmin::text AS version,
           pg_current_xact_id()::xid::text AS this
    FROM agentes WHERE id_agente = ANY(?) ORDER BY num_agente FOR NO KEY UPDATE
"""
_HELD = """
    WITH free AS (
        SELECT id_agente FROM agentes WHERE id_agente = ANY(?) ORDER BY num_agente
        FOR NO KEY UPDATE SKIP LOCKED)
    SELECT id_agente FROM agentes WHERE id_agente = ANY(?) EXCEPT SELECT id_agente FROM free
"""
_LOCKERS = """
    SELECT concat(min(c.relname), ': ', a.usename, ' with ' || nullif(application_name, ''),
                  ', process ', pid, ' of PostgreSQL')
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a USING (pid)
    WHERE l.granted AND pid <> pg_backend_pid()
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
    GROUP BY pid, a.usename, application_name ORDER BY pid
"""
_END_HUNG = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = current_user AND datname = current_database()
    AND application_name = current_setting('application_name') AND backend_xid IS NOT NULL
    AND state = 'active' AND wait_event_type = 'Client' AND query_start < now() - interval '10 s'
"""
_OPEN = f"""
    SELECT num_agente, campo, id_hecho, pid, veces, nombre
    FROM periodos JOIN hechos USING (id_hecho)
    WHERE num_agente = ANY(?) AND hasta = {OPEN}
"""  # noqa: S608 - text of our own
