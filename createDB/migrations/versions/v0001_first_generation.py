"""From the tables of the first generation to ours, keeping every row and its number.

SQLite cannot add AUTOINCREMENT or a foreign key to a table, so the three tables are made anew and
their rows copied. What else the operator put there stays: more columns, indexes, triggers.
"""

import uuid
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAMESPACE = uuid.UUID("6f1d7f0e-6a53-4b7f-9a0c-7d1b8a5f2e90")
"""As in API/app/report.py on the day of this migration: the same address, the same identity."""

OLD = "primera_generacion_"
KEYS = {"servers": "id_serv", "procesos": "id_proc", "usuarios_activos": "id_usr"}


def upgrade() -> None:
    """Rebuild the three tables and fill what can be known about old rows."""
    connection = op.get_bind()
    _define_functions(connection)
    found = [table for table in KEYS if _columns(connection, table)]
    last = _last_id_serv(connection, found)
    objects = {table: _move_away(connection, table) for table in found}
    _create_tables()
    connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('servers', ?)", (last,))
    for table in found:
        _copy(connection, table)
        connection.exec_driver_sql(f"DROP TABLE {OLD}{table}")
    _fill_agents(connection)
    for table in found:
        _restore(connection, objects[table])


def _create_tables() -> None:
    _create_servers()
    _create_rows("procesos", "id_proc", "pid", "name", "username")
    _create_rows("usuarios_activos", "id_usr", "username", "pid")
    _create_agentes()
    op.create_table(
        "bitacoras",
        sa.Column("archivo", sa.Text),
        sa.Column("posicion", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("archivo", name="pk_bitacoras"),
    )


def _create_servers() -> None:
    op.create_table(
        "servers",
        sa.Column("id_serv", sa.Integer),
        sa.Column("ipaddress", sa.Text),
        sa.Column("fecha_hora", sa.DateTime),
        sa.Column("arquitectura_proc", sa.Text),
        sa.Column("marca_proc", sa.Text),
        sa.Column("nombre_so", sa.Text),
        sa.Column("version_so", sa.Text),
        sa.Column("hostname", sa.Text),
        sa.Column("id_agente", sa.String(36)),
        sa.Column("id_reporte", sa.String(36)),
        sa.Column("recibido", sa.DateTime),
        sa.Column("distribucion", sa.Text),
        sa.Column("version_distribucion", sa.Text),
        sa.Column("nucleo", sa.Text),
        sa.Column("id_arranque", sa.Text),
        sa.Column("pid_agente", sa.Integer),
        sa.Column("errores", sa.Text),
        sa.Column("momento", sa.DateTime),
        sa.PrimaryKeyConstraint("id_serv", name="pk_servers"),
        sqlite_autoincrement=True,
    )
    unique = ["id_agente", "id_reporte"]
    op.create_index("ix_servers_id_agente_id_reporte", "servers", unique, unique=True)
    op.create_index("ix_servers_id_agente_momento", "servers", ["id_agente", "momento"])


def _create_rows(table: str, key: str, *facts: str) -> None:
    """Make a table of what a report lists."""
    op.create_table(
        table,
        sa.Column(key, sa.Integer),
        sa.Column("id_serv", sa.Integer),
        sa.Column("ip_server", sa.Text),
        sa.Column("fecha_hora", sa.DateTime),
        *(sa.Column(fact, sa.Integer if fact == "pid" else sa.Text) for fact in facts),
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["id_serv"], ["servers.id_serv"], name=f"fk_{table}_id_serv"),
    )
    op.create_index(f"ix_{table}_id_serv", table, ["id_serv"])


def _create_agentes() -> None:
    op.create_table(
        "agentes",
        sa.Column("id_agente", sa.String(36)),
        sa.Column("hostname", sa.Text),
        sa.Column("ipaddress", sa.Text),
        sa.Column("id_serv", sa.Integer),
        sa.Column("momento", sa.DateTime),
        sa.Column("primer_reporte", sa.DateTime),
        sa.Column("ultimo_reporte", sa.DateTime),
        sa.Column("intervalo", sa.Float),
        sa.Column("version_agente", sa.Text),
        sa.Column("descartados", sa.BigInteger),
        sa.PrimaryKeyConstraint("id_agente", name="pk_agentes"),
        sa.ForeignKeyConstraint(["id_serv"], ["servers.id_serv"], name="fk_agentes_id_serv"),
    )
    op.create_index("ix_agentes_id_serv", "agentes", ["id_serv"])


def _define_functions(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("momento_de", 1, _moment_text, deterministic=True)
    driver.create_function("id_de_ip", 1, _agent_of, deterministic=True)


@lru_cache(maxsize=1024)
def _moment_text(text: Any) -> str | None:
    """Write a moment as the new tables keep it; None for what is not one."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.isoformat(" ", "microseconds")


@lru_cache(maxsize=1024)
def _agent_of(address: Any) -> str | None:
    return None if address is None else str(uuid.uuid5(NAMESPACE, str(address)))


def _columns(connection: sa.Connection, table: str) -> dict[str, str]:
    """Give the columns of `table` with their declared types; empty when there is no such table."""
    rows = connection.exec_driver_sql("SELECT name, type FROM pragma_table_info(?)", (table,))
    return {row.name: row.type for row in rows}


def _last_id_serv(connection: sa.Connection, found: list[str]) -> int:
    """Find the highest number of a report that any row or SQLite itself remembers."""
    numbers = [0]
    for table in found:
        query = f"SELECT max(CAST(id_serv AS INTEGER)) FROM {table}"  # noqa: S608
        numbers.append(connection.exec_driver_sql(query).scalar() or 0)
    if _columns(connection, "sqlite_sequence"):
        query = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'servers'"
        numbers.append(connection.exec_driver_sql(query).scalar() or 0)
    return max(numbers)


def _move_away(connection: sa.Connection, table: str) -> list[str]:
    """Rename `table` and take off what hangs on it; give the statements that make that again."""
    query = (
        "SELECT type, name, sql FROM sqlite_master "
        "WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    )
    objects = connection.exec_driver_sql(query, (table,)).all()
    for kind, name, _ in objects:
        connection.exec_driver_sql(f'DROP {kind} "{name}"')
    connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {OLD}{table}")
    return [sql for _, _, sql in objects]


def _restore(connection: sa.Connection, statements: list[str]) -> None:
    """Make the operator's indexes and triggers again, unless ours took the name."""
    for statement in statements:
        try:
            connection.exec_driver_sql(statement)
        except sa.exc.OperationalError as error:
            if "already exists" not in str(error.orig):
                raise


def _copy(connection: sa.Connection, table: str) -> None:
    """Copy every row; those without a number get theirs last, above all others."""
    new, old = _columns(connection, table), _columns(connection, OLD + table)
    for name in old.keys() - new.keys():
        connection.exec_driver_sql(f'ALTER TABLE {table} ADD COLUMN "{name}" {old[name]}')
    values = {name: f'"{name}"' for name in old}
    values["fecha_hora"] = "coalesce(momento_de(fecha_hora), fecha_hora)"
    if table == "servers":
        values.setdefault("id_agente", "id_de_ip(ipaddress)")
        # None of these came later than now: a server's clock that was ahead must not make its
        # report the latest one for years.
        values.setdefault("momento", f"min(momento_de(fecha_hora), '{_now()}')")
    names = ", ".join(f'"{name}"' for name in values)
    key = KEYS[table]
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())} "  # noqa: S608
        f"FROM {OLD}{table} ORDER BY {key} IS NULL, {key}"
    )


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _fill_agents(connection: sa.Connection) -> None:
    """Make an agent of every address; the first generation kept no time but the server's own."""
    connection.exec_driver_sql(
        "INSERT INTO agentes"
        " (id_agente, ipaddress, id_serv, momento, primer_reporte, ultimo_reporte)"
        " SELECT id_agente, ipaddress, id_serv, momento, primero, momento FROM ("
        "  SELECT *, min(momento) OVER agente AS primero,"
        "   row_number() OVER (agente ORDER BY momento DESC, id_serv DESC) AS lugar"
        "  FROM servers WHERE id_agente IS NOT NULL WINDOW agente AS (PARTITION BY id_agente)"
        " ) WHERE lugar = 1"
    )
