"""The database, declared once: every table, column, key and index there is.

The tables of the seed (`servers`, `procesos`, `usuarios_activos`) keep the seed's names and
columns; what we add comes after them and is nullable, so that whoever wrote a query against the
first generation's database can run it here. Moments are UTC without an offset, stored by SQLite
as text (`2026-11-20 10:00:00.000250`), so that they sort and read well in any client.

A column's `comment` is its documentation: `createDB/describe.py` makes `docs/database.md` and the
entity-relation diagram from here.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

UUID_TEXT = String(36)

servers = Table(
    "servers",
    metadata,
    Column("id_serv", Integer, primary_key=True, comment="Number of the report; never used twice."),
    Column("ipaddress", Text, comment="Address of the server, as it reported it."),
    Column("fecha_hora", DateTime, comment="When the facts were gathered, by the server's clock."),
    Column("arquitectura_proc", Text, comment="Processor architecture, such as X86_64."),
    Column("marca_proc", Text, comment="Processor brand and model."),
    Column("nombre_so", Text, comment="Operating system, such as Linux."),
    Column("version_so", Text, comment="Version of the operating system's kernel, in its words."),
    Column("hostname", Text, comment="Name the server gives itself."),
    Column(
        "id_agente",
        UUID_TEXT,
        comment="Identity of the installation that reports; derived from `ipaddress` "
        "for an agent of the first generation.",
    ),
    Column(
        "id_reporte",
        UUID_TEXT,
        comment="Identity of the report, the same on every retry; derived from its content "
        "for an agent of the first generation.",
    ),
    Column("recibido", DateTime, comment="When the report was stored, by the collector's clock."),
    Column("distribucion", Text, comment="os-release's ID, such as debian."),
    Column("version_distribucion", Text, comment="os-release's VERSION_ID, such as 12."),
    Column("nucleo", Text, comment="Kernel release, as `uname -r` prints it."),
    Column("id_arranque", Text, comment="The kernel's boot_id: another one is another boot."),
    Column("pid_agente", Integer, comment="Process id of the agent itself."),
    Column(
        "errores",
        Text,
        comment="JSON object: field that could not be gathered -> reason. NULL when none.",
    ),
    Column(
        "momento",
        DateTime,
        comment="Where the report stands in its server's history: `fecha_hora`, or `recibido` "
        "where the server's clock was more than five minutes ahead.",
    ),
    Index(None, "id_agente", "id_reporte", unique=True),
    Index(None, "id_agente", "momento"),
    comment="One row per report: what the server is.",
    sqlite_autoincrement=True,
)

procesos = Table(
    "procesos",
    metadata,
    Column("id_proc", Integer, primary_key=True, comment="Number of the row."),
    Column("id_serv", ForeignKey(servers.c.id_serv), comment="The report the row belongs to."),
    Column("ip_server", Text, comment="The report's `ipaddress`."),
    Column("fecha_hora", DateTime, comment="The report's `fecha_hora`."),
    Column("pid", Integer, comment="Process id."),
    Column("name", Text, comment="Name of the process."),
    Column("username", Text, comment="Who runs it; NULL where the system could not tell."),
    Index(None, "id_serv"),
    comment="One row per process and report: what runs, and as whom.",
)

usuarios_activos = Table(
    "usuarios_activos",
    metadata,
    Column("id_usr", Integer, primary_key=True, comment="Number of the row."),
    Column("id_serv", ForeignKey(servers.c.id_serv), comment="The report the row belongs to."),
    Column("ip_server", Text, comment="The report's `ipaddress`."),
    Column("fecha_hora", DateTime, comment="The report's `fecha_hora`."),
    Column("username", Text, comment="Who is logged in."),
    Column("pid", Integer, comment="Process of the session; NULL where the system could not tell."),
    Index(None, "id_serv"),
    comment="One row per session and report: who is logged in.",
)

agentes = Table(
    "agentes",
    metadata,
    Column("id_agente", UUID_TEXT, primary_key=True, comment="Identity of the installation."),
    Column("hostname", Text, comment="Its name in the latest report."),
    Column("ipaddress", Text, comment="Its address in the latest report."),
    Column(
        "id_serv",
        ForeignKey(servers.c.id_serv),
        comment="The latest report, by its moment.",
    ),
    Column("momento", DateTime, comment="The moment of that report."),
    Column("primer_reporte", DateTime, comment="When its first report came (collector's clock)."),
    Column("ultimo_reporte", DateTime, comment="When its last report came (collector's clock)."),
    Column("intervalo", Float, comment="Seconds between its reports; NULL for single runs."),
    Column("version_agente", Text, comment="Version of the agent; NULL for the first generation."),
    Column(
        "descartados",
        BigInteger,
        comment="Reports its spool had to drop so far, for want of room, as it counts them.",
    ),
    Index(None, "id_serv"),
    comment="One row per server that reports: who it is and when it last came.",
)

bitacoras = Table(
    "bitacoras",
    metadata,
    Column("archivo", Text, primary_key=True, comment="Name of a file of the JSON log."),
    Column(
        "posicion",
        BigInteger,
        nullable=False,
        comment="Bytes of it that are in this database; what lies past them is brought in "
        "when the collector starts.",
    ),
    comment="Up to where each file of the JSON log is imported.",
)
