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
    """Rebuild the three tables; the history of their rows is made by whoever upgrades."""
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
    for table in found:
        _restore(connection, objects[table])


def _create_tables() -> None:
    _create_servers()
    _create_rows("procesos", "id_proc", "pid", "name", "username")
    _create_rows("usuarios_activos", "id_usr", "username", "pid")
    _create_agentes()
    _create_admission()
    _create_history()
    _create_compliance()
    op.create_table(
        "bitacoras",
        sa.Column("archivo", sa.Text),
        sa.Column("posicion", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("archivo", name="pk_bitacoras"),
    )
    op.create_table(
        "retencion",
        sa.Column("que", sa.Text),
        sa.Column("hasta", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("que", name="pk_retencion"),
    )
    _create_audit()
    _create_people()


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
        sa.Column("momento", sa.BigInteger),
        sa.Column("num_agente", sa.Integer),
        sa.PrimaryKeyConstraint("id_serv", name="pk_servers"),
        _foreign_key("servers", "num_agente", "agentes"),
        sqlite_autoincrement=True,
    )
    for name in ("id_reporte", "momento"):
        columns = ["num_agente", name]
        op.create_index(f"ix_servers_num_agente_{name}", "servers", columns, unique=True)


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
        _foreign_key(table, "id_serv", "servers"),
    )
    op.create_index(f"ix_{table}_id_serv", table, ["id_serv"])


def _create_agentes() -> None:
    op.create_table(
        "agentes",
        sa.Column("num_agente", sa.Integer),
        sa.Column("id_agente", sa.String(36), nullable=False),
        sa.Column("hostname", sa.Text),
        sa.Column("ipaddress", sa.Text),
        sa.Column("id_serv", sa.Integer),
        sa.Column("momento", sa.BigInteger),
        sa.Column("primer_reporte", sa.DateTime),
        sa.Column("ultimo_reporte", sa.DateTime),
        sa.Column("intervalo", sa.Float),
        sa.Column("version_agente", sa.Text),
        sa.Column("descartados", sa.BigInteger),
        sa.Column("siguiente", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("estado", sa.Text, nullable=False, server_default="activo"),
        sa.Column("etiquetas", sa.Text),
        sa.Column("rotacion", sa.Integer),
        sa.Column("clon_de", sa.String(36)),
        sa.Column("clon_visto", sa.DateTime),
        sa.PrimaryKeyConstraint("num_agente", name="pk_agentes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_agentes_id_agente", "agentes", ["id_agente"], unique=True)
    op.create_index("ix_agentes_id_serv", "agentes", ["id_serv"])


def _create_admission() -> None:
    op.create_table(
        "credenciales",
        sa.Column("hash", sa.String(64)),
        sa.Column("num_agente", sa.Integer, nullable=False),
        sa.Column("desde", sa.DateTime, nullable=False),
        sa.Column("hasta", sa.DateTime),
        sa.PrimaryKeyConstraint("hash", name="pk_credenciales"),
        _foreign_key("credenciales", "num_agente", "agentes"),
    )
    for name in ("num_agente", "desde"):
        op.create_index(f"ix_credenciales_{name}", "credenciales", [name])
    op.create_table(
        "secretos",
        sa.Column("id_secreto", sa.Integer),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("desde", sa.DateTime, nullable=False),
        sa.Column("hasta", sa.DateTime),
        sa.Column("cupo", sa.Integer),
        sa.Column("altas", sa.Integer, nullable=False, server_default="0"),
        sa.Column("redes", sa.Text),
        sa.PrimaryKeyConstraint("id_secreto", name="pk_secretos"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "arranques",
        sa.Column("num_agente", sa.Integer),
        sa.Column("desde", sa.BigInteger),
        sa.Column("id_arranque", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("num_agente", "desde", name="pk_arranques"),
        _foreign_key("arranques", "num_agente", "agentes"),
        sqlite_with_rowid=False,
    )


def _create_history() -> None:
    op.create_table(
        "hechos",
        sa.Column("id_hecho", sa.Integer),
        sa.Column("campo", sa.Text, nullable=False),
        sa.Column("nombre", sa.Text, nullable=False),
        sa.Column("valor", sa.Text),
        sa.PrimaryKeyConstraint("id_hecho", name="pk_hechos"),
    )
    labels = ["campo", "nombre", "valor"]
    op.create_index("ix_hechos_campo_nombre_valor", "hechos", labels)
    op.create_table(
        "periodos",
        sa.Column("num_agente", sa.Integer),
        sa.Column("hasta", sa.BigInteger),
        sa.Column("id_hecho", sa.Integer),
        sa.Column("pid", sa.Integer),
        sa.Column("desde", sa.BigInteger, nullable=False),
        sa.Column("veces", sa.Integer, nullable=False),
        sa.Column("numero", sa.Integer, nullable=False),
        sa.Column("inicio", sa.BigInteger),
        sa.Column("propio", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("num_agente", "hasta", "id_hecho", "pid", name="pk_periodos"),
        _foreign_key("periodos", "num_agente", "agentes"),
        _foreign_key("periodos", "id_hecho", "hechos"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_periodos_id_hecho_hasta", "periodos", ["id_hecho", "hasta"],
                    sqlite_where=sa.text("hasta < 140737488355327"))  # fmt: skip
    op.create_table(
        "presencias",
        sa.Column("id_hecho", sa.Integer),
        sa.Column("num_agente", sa.Integer),
        sa.PrimaryKeyConstraint("id_hecho", "num_agente", name="pk_presencias"),
        _foreign_key("presencias", "id_hecho", "hechos"),
        _foreign_key("presencias", "num_agente", "agentes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "momentos",
        sa.Column("momento", sa.BigInteger),
        sa.Column("num_agente", sa.Integer),
        sa.PrimaryKeyConstraint("momento", "num_agente", name="pk_momentos"),
        _foreign_key("momentos", "num_agente", "agentes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "repeticiones",
        sa.Column("n", sa.Integer),
        sa.PrimaryKeyConstraint("n", name="pk_repeticiones"),
    )
    op.execute("INSERT INTO repeticiones VALUES (1)")


def _create_audit() -> None:
    op.create_table(
        "auditoria",
        sa.Column("id_auditoria", sa.Integer),
        sa.Column("momento", sa.DateTime, nullable=False),
        sa.Column("quien", sa.Text, nullable=False),
        sa.Column("desde", sa.Text, nullable=False),
        sa.Column("accion", sa.Text, nullable=False),
        sa.Column("objeto", sa.Text),
        sa.Column("detalle", sa.Text),
        sa.PrimaryKeyConstraint("id_auditoria", name="pk_auditoria"),
        sqlite_autoincrement=True,
    )
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER auditoria_{change.lower()} BEFORE {change} ON auditoria "
            "BEGIN SELECT RAISE(ABORT, 'la auditoría no se cambia'); END"
        )


def _create_people() -> None:
    op.create_table(
        "cuentas",
        sa.Column("id_cuenta", sa.Integer),
        sa.Column("nombre", sa.Text, nullable=False),
        sa.Column("rol", sa.Text, nullable=False),
        sa.Column("clave", sa.Text, nullable=False),
        sa.Column("activa", sa.Integer, nullable=False),
        sa.Column("creada", sa.DateTime, nullable=False),
        sa.Column("clave_desde", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id_cuenta", name="pk_cuentas"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cuentas_nombre", "cuentas", ["nombre"], unique=True)
    _create_credentials(
        "sesiones",
        "id_sesion",
        sa.Column("huella", sa.Text, nullable=False),
        sa.Column("creada", sa.DateTime, nullable=False),
        sa.Column("usada", sa.DateTime, nullable=False),
        sa.Column("desde", sa.Text, nullable=False),
        sa.Column("programa", sa.Text),
    )
    _create_credentials(
        "tokens_personales",
        "id_token",
        sa.Column("nombre", sa.Text, nullable=False),
        sa.Column("alcance", sa.Text, nullable=False),
        sa.Column("huella", sa.Text, nullable=False),
        sa.Column("creado", sa.DateTime, nullable=False),
        sa.Column("caduca", sa.DateTime, nullable=False),
        sa.Column("usado", sa.DateTime),
    )
    op.create_table(
        "intentos",
        sa.Column("quien", sa.Text),
        sa.Column("fallos", sa.Integer, nullable=False),
        sa.Column("ultimo", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("quien", name="pk_intentos"),
    )


def _create_credentials(table: str, key: str, *columns: sa.Column[Any]) -> None:
    """Make a table of what lets an account in."""
    op.create_table(
        table,
        sa.Column(key, sa.Integer),
        sa.Column("id_cuenta", sa.Integer, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        _foreign_key(table, "id_cuenta", "cuentas"),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{table}_huella", table, ["huella"], unique=True)
    op.create_index(f"ix_{table}_id_cuenta", table, ["id_cuenta"])


def _create_compliance() -> None:
    op.create_table(
        "politicas",
        sa.Column("num_politica", sa.Integer),
        sa.Column("id_politica", sa.Text, nullable=False),
        sa.Column("titulo", sa.Text, nullable=False),
        sa.Column("severidad", sa.Text, nullable=False),
        sa.Column("huella", sa.Text, nullable=False),
        sa.Column("documento", sa.Text, nullable=False),
        sa.Column("vigente", sa.Integer, nullable=False),
        sa.Column("repaso", sa.BigInteger),
        sa.PrimaryKeyConstraint("num_politica", name="pk_politicas"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_politicas_id_politica", "politicas", ["id_politica"], unique=True)
    op.create_table(
        "cumplimiento",
        sa.Column("num_agente", sa.Integer),
        sa.Column("num_politica", sa.Integer),
        sa.Column("desde", sa.BigInteger),
        sa.Column("hasta", sa.BigInteger, nullable=False),
        sa.Column("veredicto", sa.Text, nullable=False),
        sa.Column("evidencia", sa.Text),
        sa.Column("evidencia_ultima", sa.Text),
        sa.Column("razon", sa.Text),
        sa.PrimaryKeyConstraint("num_agente", "num_politica", "desde", name="pk_cumplimiento"),
        _foreign_key("cumplimiento", "num_agente", "agentes"),
        _foreign_key("cumplimiento", "num_politica", "politicas"),
        sqlite_with_rowid=False,
    )
    columns = ["num_politica", "hasta"]
    op.create_index("ix_cumplimiento_num_politica_hasta", "cumplimiento", columns)
    op.create_table(
        "excepciones",
        sa.Column("id_excepcion", sa.Integer),
        sa.Column("num_politica", sa.Integer, nullable=False),
        sa.Column("num_agente", sa.Integer),
        sa.Column("etiqueta", sa.Text),
        sa.Column("valor", sa.Text),
        sa.Column("motivo", sa.Text, nullable=False),
        sa.Column("quien", sa.Text, nullable=False),
        sa.Column("desde", sa.BigInteger, nullable=False),
        sa.Column("hasta", sa.BigInteger, nullable=False),
        sa.Column("terminada", sa.BigInteger),
        sa.PrimaryKeyConstraint("id_excepcion", name="pk_excepciones"),
        _foreign_key("excepciones", "num_politica", "politicas"),
        _foreign_key("excepciones", "num_agente", "agentes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_excepciones_num_politica", "excepciones", ["num_politica"])
    op.create_table(
        "avance",
        sa.Column("que", sa.Text),
        sa.Column("hasta", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("que", name="pk_avance"),
    )


def _foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.{column}"], name=f"fk_{table}_{column}")


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
def _agent_of(address: Any) -> str:
    return str(uuid.uuid5(NAMESPACE, "" if address is None else str(address)))


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
    names = ", ".join(f'"{name}"' for name in values)
    key = KEYS[table]
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())} "  # noqa: S608
        f"FROM {OLD}{table} ORDER BY {key} IS NULL, {key}"
    )
