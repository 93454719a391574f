"""The tables as PostgreSQL has them: what grows with every report lies in partitions.

A unique key of a partitioned table must contain what it is partitioned by. What belongs to a report
lies by `recibido`, a partition for each day; periods lie by `hasta`, one for each month, and those
that are open in one of their own, so that no partition that is dropped takes one along. What must
be unique over all time is in `reportes`. All of them carry `num_agente`, by which they can be
distributed (docs/adr/0025-partitions-and-what-must-be-unique.md).

They have no foreign keys, and rows of a report's lists no unique one: 200 rows a report would look
for each other. The writer alone fills them, a report and all that belongs to it in one transaction.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, Sequence, Table, text

from createDB import schema
from createDB.schema import MOMENT, NUMBER, OPEN, UUID_TEXT

NO_AGENT = 0
"""`num_agente` of rows of no report, such as the first generation left."""

metadata = MetaData(naming_convention=schema.metadata.naming_convention)


MANY = 1_000
"""Numbers that a connection takes at once for rows of reports' lists, 200 a report."""


def _next_of(sequence: str, cache: int | None = None) -> Any:
    """Give what numbers rows by a sequence."""
    return Sequence(sequence, metadata=metadata, cache=cache).next_value()


def _like(
    table: Table, *more: Column[Any], key: Collection[str] = (), by: str | None = None,
    numbered: str | None = None,
) -> Table:  # fmt: skip
    """Declare a table with the columns of `table`, and with partitions and a key of its own.

    Args:
        table: as SQLite has it.
        more: columns that come after its own.
        key: columns that make the primary key.
        by: the column that says in which partition a row lies.
        numbered: the column that numbers its rows.
    """
    columns = [
        Column(column.name, column.type, primary_key=column.name in key, autoincrement=False,
               nullable=column.nullable and column.name not in key,
               server_default=_next_of(f"{table.name}_{numbered}_seq", MANY if more else None)
               if column.name == numbered else None, comment=column.comment)
        for column in table.columns
    ]  # fmt: skip
    laid_out: dict[str, Any] = {"postgresql_partition_by": f"RANGE ({by})"} if by else {}
    made: Table = Table(table.name, metadata, *columns, *more, comment=table.comment, **laid_out)
    return made


def _of_report() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("num_agente", Integer, nullable=False, comment="The server, by its number."),
        Column("recibido", MOMENT, nullable=False, comment="The report's `recibido`."),
    )


servers = _like(schema.servers, key=("id_serv", "num_agente", "recibido"), by="recibido")
Index("ix_servers_num_agente_momento", servers.c.num_agente, servers.c.momento)

procesos = _like(schema.procesos, *_of_report(), by="recibido", numbered="id_proc")
Index("ix_procesos_id_serv", procesos.c.id_serv)

usuarios_activos = _like(schema.usuarios_activos, *_of_report(), by="recibido", numbered="id_usr")
Index("ix_usuarios_activos_id_serv", usuarios_activos.c.id_serv)

reportes = Table(
    "reportes",
    metadata,
    Column("num_agente", Integer, primary_key=True, autoincrement=False, comment="The server."),
    Column("id_reporte", UUID_TEXT, primary_key=True, comment="Identity of the report."),
    Column("id_serv", NUMBER, server_default=_next_of("servers_id_serv_seq"), nullable=False,
           comment="Its number."),
    Column("recibido", MOMENT, nullable=False, comment="When it was stored."),
    Index(None, "recibido", postgresql_using="brin"),
    comment="Every report whose row in `servers` is there: none comes in twice.",
)  # fmt: skip

hechos = _like(schema.hechos, key=("id_hecho",), numbered="id_hecho")
# Names may be longer than what an index takes: 4,096 characters.
Index("uq_hechos", hechos.c.campo, text("md5(nombre)"), text("md5(valor)"), unique=True,
      postgresql_nulls_not_distinct=True)  # fmt: skip
Index("ix_hechos_nombre", hechos.c.nombre, postgresql_using="hash")
Index("ix_hechos_valor", hechos.c.valor, postgresql_using="hash")

periodos = _like(schema.periodos, key=schema.periodos.primary_key.columns.keys(), by="hasta")
Index("ix_periodos_id_hecho_hasta", periodos.c.id_hecho, periodos.c.hasta,
      postgresql_where=text(f"hasta < {OPEN}"))  # fmt: skip

for _table in schema.metadata.sorted_tables:
    if _table.name not in metadata.tables:
        _table.to_metadata(metadata)

ONLY_GROWS = """
    CREATE FUNCTION no_se_cambia() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'la auditoría no se cambia'; END $$;
    CREATE TRIGGER auditoria_no_se_cambia BEFORE UPDATE OR DELETE OR TRUNCATE ON auditoria
        FOR EACH STATEMENT EXECUTE FUNCTION no_se_cambia();
"""
"""What has the audit trail only grow."""
