"""The tables of alerts: what people are to be told, to whom, and what of it has been delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them; they are empty."""
    _create_alertas()
    _create_mensajes()
    op.create_table(
        "entregas",
        sa.Column("id_alerta", sa.Integer),
        sa.Column("que", sa.Text),
        sa.Column("canal", sa.Text),
        sa.Column("id_mensaje", sa.Integer),
        sa.PrimaryKeyConstraint("id_alerta", "que", "canal", name="pk_entregas"),
        _foreign_key("entregas", "id_alerta", "alertas"),
        _foreign_key("entregas", "id_mensaje", "mensajes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_entregas_id_mensaje", "entregas", ["id_mensaje"])
    _index_where("ix_entregas_en_espera", "entregas", ["canal"], "id_mensaje IS NULL")


def _create_alertas() -> None:
    op.create_table(
        "alertas",
        sa.Column("id_alerta", sa.Integer),
        sa.Column("tipo", sa.Text, nullable=False),
        sa.Column("num_agente", sa.Integer, nullable=False),
        sa.Column("num_politica", sa.Integer),
        sa.Column("severidad", sa.Text, nullable=False),
        sa.Column("desde", sa.BigInteger, nullable=False),
        sa.Column("abierta", sa.BigInteger, nullable=False),
        sa.Column("evidencia", sa.Text),
        sa.Column("razon", sa.Text),
        sa.Column("resuelta", sa.BigInteger),
        sa.Column("resolucion", sa.Text),
        sa.Column("por_avisar", sa.Text),
        sa.PrimaryKeyConstraint("id_alerta", name="pk_alertas"),
        _foreign_key("alertas", "num_agente", "agentes"),
        _foreign_key("alertas", "num_politica", "politicas"),
        sqlite_autoincrement=True,
    )
    columns = ["num_agente", "num_politica"]
    _index_where("ix_alertas_abiertas", "alertas", columns, "resuelta IS NULL", unique=True)
    _index_where("ix_alertas_por_avisar", "alertas", ["por_avisar"], "por_avisar IS NOT NULL")
    op.create_index("ix_alertas_num_agente", "alertas", ["num_agente"])


def _create_mensajes() -> None:
    op.create_table(
        "mensajes",
        sa.Column("id_mensaje", sa.Integer),
        sa.Column("canal", sa.Text, nullable=False),
        sa.Column("clave", sa.String(36), nullable=False),
        sa.Column("contenido", sa.Text, nullable=False),
        sa.Column("creado", sa.BigInteger, nullable=False),
        sa.Column("intentos", sa.Integer, nullable=False, server_default="0"),
        sa.Column("proximo", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("estado", sa.Text, nullable=False, server_default="espera"),
        sa.Column("terminado", sa.BigInteger),
        sa.PrimaryKeyConstraint("id_mensaje", name="pk_mensajes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mensajes_canal_creado", "mensajes", ["canal", "creado"])
    _index_where("ix_mensajes_en_espera", "mensajes", ["canal"], "estado = 'espera'")


def _index_where(
    name: str, table: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(condition))


def _foreign_key(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{parent}.{column}"], name=name)
