"""The database, declared once: every table, column, key and index there is.

The tables of the seed (`servers`, `procesos`, `usuarios_activos`) keep the seed's names and
columns; what we add comes after them and is nullable, so that whoever wrote a query against the
first generation's database can run it here. Moments are UTC without an offset, stored by SQLite
as text (`2026-11-20 10:00:00.000250`), so that they sort and read well in any client.

A column's `comment` is its documentation: `createDB/describe.py` makes `docs/database.md` and the
entity-relation diagram from here.
"""

from typing import Any

from sqlalchemy import (
    DDL,
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
    event,
    text,
)

from createDB.postgresql.values import WrittenMoment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is ordered and compared by its code points, as SQLite does it."""

UUID_TEXT = String(36).with_variant(String(36, collation="C"), "postgresql")

MOMENT = DateTime().with_variant(WrittenMoment(), "postgresql")

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""What may pass two thousand million. In SQLite every INTEGER may, and only an INTEGER numbers
rows by itself."""


def _where(condition: str) -> dict[str, Any]:
    """Have an index hold the rows alone that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


servers = Table(
    "servers",
    metadata,
    Column("id_serv", NUMBER, primary_key=True, comment="Number of the report; never used twice."),
    Column("ipaddress", TEXT, comment="Address of the server, as it reported it."),
    Column("fecha_hora", MOMENT, comment="When the facts were gathered, by the server's clock."),
    Column("arquitectura_proc", TEXT, comment="Processor architecture, such as X86_64."),
    Column("marca_proc", TEXT, comment="Processor brand and model."),
    Column("nombre_so", TEXT, comment="Operating system, such as Linux."),
    Column("version_so", TEXT, comment="Version of the operating system's kernel, in its words."),
    Column("hostname", TEXT, comment="Name the server gives itself."),
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
    Column("recibido", MOMENT, comment="When the report was stored, by the collector's clock."),
    Column("distribucion", TEXT, comment="os-release's ID, such as debian."),
    Column("version_distribucion", TEXT, comment="os-release's VERSION_ID, such as 12."),
    Column("nucleo", TEXT, comment="Kernel release, as `uname -r` prints it."),
    Column("id_arranque", TEXT, comment="The kernel's boot_id: another one is another boot."),
    Column("pid_agente", NUMBER, comment="Process id of the agent itself."),
    Column(
        "errores",
        TEXT,
        comment="JSON object: field that could not be gathered -> reason. NULL when none.",
    ),
    Column(
        "momento",
        BigInteger,
        comment="Where the report stands in its server's history, in milliseconds since 1970: "
        "`fecha_hora`, or `recibido` where the server's clock was more than five minutes ahead.",
    ),
    Column("num_agente", ForeignKey("agentes.num_agente"), comment="The server, by its number."),
    Index(None, "num_agente", "id_reporte", unique=True),
    Index(None, "num_agente", "momento", unique=True),
    comment="One row per report: what the server is.",
    sqlite_autoincrement=True,
)

procesos = Table(
    "procesos",
    metadata,
    Column("id_proc", NUMBER, primary_key=True, comment="Number of the row."),
    Column("id_serv", ForeignKey(servers.c.id_serv), comment="The report the row belongs to."),
    Column("ip_server", TEXT, comment="The report's `ipaddress`."),
    Column("fecha_hora", MOMENT, comment="The report's `fecha_hora`."),
    Column("pid", NUMBER, comment="Process id."),
    Column("name", TEXT, comment="Name of the process."),
    Column("username", TEXT, comment="Who runs it; NULL where the system could not tell."),
    Index(None, "id_serv"),
    comment="One row per process and report: what runs, and as whom.",
)

usuarios_activos = Table(
    "usuarios_activos",
    metadata,
    Column("id_usr", NUMBER, primary_key=True, comment="Number of the row."),
    Column("id_serv", ForeignKey(servers.c.id_serv), comment="The report the row belongs to."),
    Column("ip_server", TEXT, comment="The report's `ipaddress`."),
    Column("fecha_hora", MOMENT, comment="The report's `fecha_hora`."),
    Column("username", TEXT, comment="Who is logged in."),
    Column("pid", NUMBER, comment="Process of the session; NULL where the system could not tell."),
    Index(None, "id_serv"),
    comment="One row per session and report: who is logged in.",
)

agentes = Table(
    "agentes",
    metadata,
    Column("num_agente", Integer, primary_key=True, comment="Number of the server."),
    Column("id_agente", UUID_TEXT, nullable=False, comment="Identity of the installation."),
    Column("hostname", TEXT, comment="Its name in the latest report."),
    Column("ipaddress", TEXT, comment="Its address in the latest report."),
    Column("id_serv", NUMBER, comment="The latest report, by its moment."),
    Column("momento", BigInteger, comment="The moment of that report, as `servers` has it."),
    Column("primer_reporte", MOMENT, comment="When its first report came (collector's clock)."),
    Column("ultimo_reporte", MOMENT, comment="When its last report came (collector's clock)."),
    Column("intervalo", Float, comment="Seconds between its reports; NULL for single runs."),
    Column("version_agente", TEXT, comment="Version of the agent; NULL for the first generation."),
    Column(
        "descartados",
        BigInteger,
        comment="Reports its spool had to drop so far, for want of room, as it counts them.",
    ),
    Column(
        "siguiente",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="The `numero` that its next period gets.",
    ),
    Column("estado", TEXT, nullable=False, server_default="activo",
           comment="`activo`, `pausado`, `retirado` or `revocado`, as the operator said."),
    Column("etiquetas", TEXT, comment="Labels that the operator gave it (JSON object)."),
    Column("rotacion", Integer, comment="Hours that its token goes on working once it has made "
           "itself another, which it was asked to; NULL where it was not."),
    Column("clon_de", UUID_TEXT,
           comment="Identity with whose token it enrolled: their disks are copies."),
    Column("clon_visto", MOMENT,
           comment="When a second machine last reported under this identity (collector's clock)."),
    Index(None, "id_agente", unique=True),
    Index(None, "id_serv"),
    comment="One row per server that reports or has enrolled: who it is and when it last came.",
    sqlite_autoincrement=True,
)  # fmt: skip

credenciales = Table(
    "credenciales",
    metadata,
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the token, in hexadecimal."),
    Column("num_agente", ForeignKey(agentes.c.num_agente), nullable=False,
           comment="The server that bears it."),
    Column("desde", MOMENT, nullable=False, comment="When it was registered."),
    Column("hasta", MOMENT, comment="When it ceases to work; NULL: with another's coming."),
    Index(None, "num_agente"),
    Index(None, "desde"),
    comment="The tokens with which servers report; the tokens themselves are nowhere.",
)  # fmt: skip

secretos = Table(
    "secretos",
    metadata,
    Column("id_secreto", Integer, primary_key=True, comment="Number; the last one counts."),
    Column("hash", String(64), nullable=False, comment="SHA-256 of the secret, in hexadecimal."),
    Column("desde", MOMENT, nullable=False, comment="When it was made."),
    Column("hasta", MOMENT, comment="When it ceases to enrol; NULL: with the next one."),
    Column("cupo", Integer, comment="How many servers it may enrol; NULL: any number."),
    Column("altas", Integer, nullable=False, server_default="0",
           comment="How many servers it has enrolled."),
    Column("redes", TEXT, comment="Networks that may enrol, with commas between; NULL: all."),
    comment="The secrets with which servers enrol; the secrets themselves are nowhere.",
    sqlite_autoincrement=True,
)  # fmt: skip

arranques = Table(
    "arranques",
    metadata,
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="The server."),
    Column("desde", BigInteger, primary_key=True,
           comment="From which moment on it was the current boot (ms since 1970)."),
    Column("id_arranque", TEXT, nullable=False, comment="The boot."),
    comment="The boots of a server, in the order in which they followed each other; the last is "
    "the current one. One that comes back is another machine's.",
    sqlite_with_rowid=False,
)  # fmt: skip

OPEN = (1 << 47) - 1
"""`hasta` of a period that is open: the largest number that SQLite keeps in six bytes."""

MAX_NUMBER = 1 << 27
"""`periodos.numero` runs below it, and begins anew; it makes up the lower bits of `id_proc`."""

hechos = Table(
    "hechos",
    metadata,
    Column("id_hecho", Integer, primary_key=True, comment="Number of the label."),
    Column("campo", TEXT, nullable=False, comment="Field of the report, such as procesos."),
    Column("nombre", TEXT, nullable=False, comment="Name of the process or user; or the value."),
    Column("valor", TEXT, comment="Who runs the process; NULL where there is nothing to say."),
    Index(None, "campo", "nombre", "valor"),
    comment="Every name that was ever reported, once.",
)

periodos = Table(
    "periodos",
    metadata,
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="The server."),
    Column("hasta", BigInteger, primary_key=True,
           comment="Moment of the first report that lacks it (ms since 1970); "
           f"{OPEN} while it is open."),
    Column("id_hecho", ForeignKey(hechos.c.id_hecho), primary_key=True, comment="What was true."),
    Column("pid", NUMBER, primary_key=True, comment="Process id; -1 without one."),
    Column("desde", BigInteger, nullable=False,
           comment="Moment of the first report that has it (ms since 1970)."),
    Column("veces", Integer, nullable=False, comment="How many equal items a report has."),
    Column("numero", Integer, nullable=False,
           comment="Makes `id_proc` and `id_usr` unique in the layout compacto."),
    Column("inicio", BigInteger, comment="When the process started (ms since 1970)."),
    Column("propio", Integer, nullable=False, comment="1 for the agent's own process."),
    # Not of open ones, which would cost three writes for one: those are found by `presencias`.
    Index(None, "id_hecho", "hasta", **_where(f"hasta < {OPEN}")),
    comment="What was true from when to when; the views historial_* show it.",
    sqlite_with_rowid=False,
)  # fmt: skip

presencias = Table(
    "presencias",
    metadata,
    Column("id_hecho", ForeignKey(hechos.c.id_hecho), primary_key=True, comment="What was true."),
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="A server that it was ever true of."),
    comment="Where to look for a name.",
    sqlite_with_rowid=False,
)  # fmt: skip

momentos = Table(
    "momentos",
    metadata,
    Column("momento", BigInteger, primary_key=True, comment="Milliseconds since 1970."),
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="A server of which something began or ceased to be true then."),
    comment="When to look for changes.",
    sqlite_with_rowid=False,
)  # fmt: skip

repeticiones = Table(
    "repeticiones",
    metadata,
    Column("n", Integer, primary_key=True, comment="1, 2, 3 ... up to the largest `veces`."),
    comment="Numbers to join with, for a row for each of `veces`.",
)

bitacoras = Table(
    "bitacoras",
    metadata,
    Column("archivo", TEXT, primary_key=True, comment="Name of a file of the JSON log."),
    Column(
        "posicion",
        BigInteger,
        nullable=False,
        comment="Bytes of it that are in this database; what lies past them is brought in "
        "when the collector starts.",
    ),
    comment="Up to where each file of the JSON log is imported.",
)

retencion = Table(
    "retencion",
    metadata,
    Column("que", TEXT, primary_key=True, comment="`reportes`, `periodos` or `bitacora`."),
    Column(
        "hasta",
        BigInteger,
        nullable=False,
        comment="Whatever ended before it may have been removed (milliseconds since 1970): the "
        "latest report of a server and what is true still are kept.",
    ),
    comment="Up to when housekeeping has removed what was past its days.",
)

politicas = Table(
    "politicas",
    metadata,
    Column("num_politica", Integer, primary_key=True, comment="Number of the policy."),
    Column("id_politica", TEXT, nullable=False, comment="Its `id`, as its file has it."),
    Column("titulo", TEXT, nullable=False, comment="What it asks for."),
    Column("severidad", TEXT, nullable=False, comment="`critica`, `alta`, `media` or `baja`."),
    Column("huella", TEXT, nullable=False, comment="SHA-256 of its file: another one is judged "
           "anew."),
    Column("documento", TEXT, nullable=False, comment="All that its file says (JSON object)."),
    Column("vigente", Integer, nullable=False, comment="0 once its file is gone."),
    Column("repaso", BigInteger, comment="After a change of the policy: up to which `num_agente` "
           "the latest reports have been judged anew. NULL when all have been."),
    Index(None, "id_politica", unique=True),
    comment="One row per policy that is, or was, in force.",
    sqlite_autoincrement=True,
)  # fmt: skip

cumplimiento = Table(
    "cumplimiento",
    metadata,
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="The server."),
    Column("num_politica", ForeignKey(politicas.c.num_politica), primary_key=True,
           comment="The policy."),
    Column("desde", BigInteger, primary_key=True,
           comment="Moment of the first report with this verdict (ms since 1970); of what is "
           "judged by the clock, the collector's time."),
    Column("hasta", BigInteger, nullable=False,
           comment="Moment of the first report with another verdict (ms since 1970); "
           f"{OPEN} while it is open."),
    Column("veredicto", TEXT, nullable=False,
           comment="`cumple`, `no_cumple`, `sin_datos` or `no_aplica`."),
    Column("evidencia", TEXT,
           comment="The rows that violated the policy at first (JSON array of objects)."),
    Column("evidencia_ultima", TEXT,
           comment="The rows at last; NULL while they are those of `evidencia`."),
    Column("razon", TEXT, comment="Why there are no data, or what the evidence leaves out."),
    Index(None, "num_politica", "hasta"),
    # A fleet's verdicts are counted, and its failures found, without reading their evidence.
    Index(None, "hasta", "veredicto", "num_politica"),
    comment="One row per server, policy and period of one verdict.",
    sqlite_with_rowid=False,
)  # fmt: skip

excepciones = Table(
    "excepciones",
    metadata,
    Column("id_excepcion", Integer, primary_key=True, comment="Number of the exception."),
    Column("num_politica", ForeignKey(politicas.c.num_politica), nullable=False,
           comment="The policy that need not be complied with."),
    Column("num_agente", ForeignKey(agentes.c.num_agente),
           comment="The server that need not; NULL where it is all those with a label."),
    Column("etiqueta", TEXT, comment="The label's name; NULL where it is one server."),
    Column("valor", TEXT, comment="The label's value; NULL: whichever it has."),
    Column("motivo", TEXT, nullable=False, comment="Why."),
    Column("quien", TEXT, nullable=False, comment="Who granted it."),
    Column("desde", BigInteger, nullable=False,
           comment="When it was granted (ms since 1970, collector's clock)."),
    Column("hasta", BigInteger, nullable=False,
           comment="When it ends by itself (ms since 1970)."),
    Column("terminada", BigInteger,
           comment="When somebody ended it before that (ms since 1970); NULL where nobody did."),
    Index(None, "num_politica"),
    comment="Exceptions from policies. While one is in force, what does not comply is shown as "
    "`exceptuado`; `cumplimiento` keeps its verdict.",
    sqlite_autoincrement=True,
)  # fmt: skip

por_juzgar = Table(
    "por_juzgar",
    metadata,
    Column("num_agente", ForeignKey(agentes.c.num_agente), primary_key=True,
           comment="The server."),
    Column("desde", BigInteger, nullable=False,
           comment="The moment of the first of them (ms since 1970)."),
    comment="Servers of which a report came late, and reports after it that policies are to judge "
    "anew: those that look at other reports too.",
)  # fmt: skip

avance = Table(
    "avance",
    metadata,
    Column("que", TEXT, primary_key=True,
           comment="`juzgado`, `servidores` or `excepciones`."),
    Column("hasta", BigInteger, nullable=False,
           comment="`juzgado`: the `id_serv` of the last report that was judged; `servidores`: the "
           "`num_agente` of the last server that was announced; `excepciones`: up to when ends of "
           "exceptions have been looked at (ms since 1970)."),
    comment="Up to where those who follow the reports have come.",
)  # fmt: skip

alertas = Table(
    "alertas",
    metadata,
    Column("id_alerta", NUMBER, primary_key=True, comment="Number of the alert."),
    Column("tipo", TEXT, nullable=False, comment="`incumplimiento`, `silencio`, `servidor_nuevo`, "
           "`clon` or `regreso`."),
    Column("num_agente", ForeignKey(agentes.c.num_agente), nullable=False, comment="The server."),
    Column("num_politica", ForeignKey(politicas.c.num_politica),
           comment="The policy that it does not comply with; NULL for the last three kinds."),
    Column("severidad", TEXT, nullable=False, comment="`critica`, `alta`, `media` or `baja`, as it "
           "was when the alert was opened."),
    Column("desde", BigInteger, nullable=False,
           comment="Since when what it tells of is true: `cumplimiento.desde` (ms since 1970)."),
    Column("abierta", BigInteger, nullable=False,
           comment="When it was opened (ms since 1970, collector's clock)."),
    Column("evidencia", TEXT, comment="The rows that violated the policy then (JSON array)."),
    Column("razon", TEXT, comment="What the evidence leaves out."),
    Column("resuelta", BigInteger, comment="When it was over (ms since 1970, collector's clock); "
           "NULL while it is open. Of the last three kinds, when it was opened."),
    Column("resolucion", TEXT, comment="Why it was over: `cumple`, `no_aplica`, `excepcion`, "
           "`politica_retirada` or `servidor_retirado`."),
    Column("por_avisar", TEXT, comment="What the sender has yet to take up: `abierta` or "
           "`resuelta`; NULL where there is nothing."),
    Index("ix_alertas_abiertas", "num_agente", "num_politica", unique=True,
          **_where("resuelta IS NULL")),
    Index("ix_alertas_por_avisar", "por_avisar", **_where("por_avisar IS NOT NULL")),
    Index(None, "num_agente"),
    comment="What people are to be told: one row for each time that a server ceases to comply with "
    "a policy, until it complies again; and new servers, clones and those that came back.",
    sqlite_autoincrement=True,
)  # fmt: skip

mensajes = Table(
    "mensajes",
    metadata,
    Column("id_mensaje", NUMBER, primary_key=True, comment="Number of the message."),
    Column("canal", TEXT, nullable=False, comment="The channel, as the file of alerts names it."),
    Column("clave", UUID_TEXT, nullable=False,
           comment="Identity of the message, the same on every attempt."),
    Column("contenido", TEXT, nullable=False, comment="What it says (JSON object)."),
    Column("creado", BigInteger, nullable=False, comment="When it was made (ms since 1970)."),
    Column("intentos", Integer, nullable=False, server_default="0",
           comment="How often it was tried to deliver it."),
    Column("proximo", BigInteger, nullable=False,
           comment="Not before this it is tried again (ms since 1970)."),
    Column("error", TEXT, comment="Why the last attempt failed."),
    Column("estado", TEXT, nullable=False, server_default="espera",
           comment="`espera`, `entregado` or `descartado`."),
    Column("terminado", BigInteger, comment="When it was delivered or discarded (ms since 1970)."),
    Index(None, "canal", "creado"),
    Index("ix_mensajes_en_espera", "canal", **_where("estado = 'espera'")),
    comment="Messages to channels: the outbox of alerts.",
    sqlite_autoincrement=True,
)  # fmt: skip

entregas = Table(
    "entregas",
    metadata,
    Column("id_alerta", ForeignKey(alertas.c.id_alerta), primary_key=True, comment="The alert."),
    Column("que", TEXT, primary_key=True,
           comment="What is told of it: `abierta` or `resuelta`."),
    Column("canal", TEXT, primary_key=True, comment="To which channel."),
    Column("id_mensaje", ForeignKey(mensajes.c.id_mensaje),
           comment="In which message; NULL while it waits for one."),
    Index(None, "id_mensaje"),
    Index("ix_entregas_en_espera", "canal", **_where("id_mensaje IS NULL")),
    comment="Which channels are told what of an alert.",
    sqlite_with_rowid=False,
)  # fmt: skip

auditoria = Table(
    "auditoria",
    metadata,
    Column("id_auditoria", NUMBER, primary_key=True, comment="Number of the entry."),
    Column("momento", MOMENT, nullable=False, comment="When it was done."),
    Column("quien", TEXT, nullable=False, comment="Who did it: an account of the console, or of "
           "the collector's machine."),
    Column("desde", TEXT, nullable=False,
           comment="From where: an address, or `terminal` for a command."),
    Column("accion", TEXT, nullable=False, comment="What was done, such as `agente.revocar`."),
    Column("objeto", TEXT, comment="To whom or what."),
    Column("detalle", TEXT, comment="What else is worth knowing (JSON object)."),
    comment="Who did what, from where, when. Triggers refuse to change or remove a row.",
    sqlite_autoincrement=True,
)  # fmt: skip

cuentas = Table(
    "cuentas",
    metadata,
    Column("id_cuenta", Integer, primary_key=True, comment="Number of the account."),
    Column("nombre", TEXT, nullable=False, comment="Name to log in with, in lower case."),
    Column("rol", TEXT, nullable=False,
           comment="What it may do: `lector`, `operador` or `administrador`."),
    Column("clave", TEXT, nullable=False, comment="Its password's argon2id hash."),
    Column("activa", Integer, nullable=False, comment="1, or 0 while it may not come in."),
    Column("creada", MOMENT, nullable=False, comment="When it was made."),
    Column("clave_desde", MOMENT, nullable=False, comment="When its password was chosen."),
    Index(None, "nombre", unique=True),
    comment="People who may read, or more; each change is in `auditoria`.",
    sqlite_autoincrement=True,
)  # fmt: skip

sesiones = Table(
    "sesiones",
    metadata,
    Column("id_sesion", Integer, primary_key=True, comment="Number of the session."),
    Column("id_cuenta", ForeignKey(cuentas.c.id_cuenta), nullable=False, comment="Whose it is."),
    Column("huella", TEXT, nullable=False, comment="SHA-256 of what its cookie holds."),
    Column("creada", MOMENT, nullable=False, comment="When its account logged in."),
    Column("usada", MOMENT, nullable=False, comment="When it was last used, within a minute."),
    Column("desde", TEXT, nullable=False, comment="The address that logged in."),
    Column("programa", TEXT, comment="The browser, in its own words."),
    Index(None, "huella", unique=True),
    Index(None, "id_cuenta"),
    comment="Who is logged in to the console. A session that ended is gone.",
    sqlite_autoincrement=True,
)

tokens_personales = Table(
    "tokens_personales",
    metadata,
    Column("id_token", Integer, primary_key=True, comment="Number of the token."),
    Column("id_cuenta", ForeignKey(cuentas.c.id_cuenta), nullable=False, comment="Whose it is."),
    Column("nombre", TEXT, nullable=False, comment="What its owner calls it."),
    Column("alcance", TEXT, nullable=False,
           comment="A role: it may do what both this and its owner's role allow."),
    Column("huella", TEXT, nullable=False, comment="SHA-256 of the token."),
    Column("creado", MOMENT, nullable=False, comment="When it was made."),
    Column("caduca", MOMENT, nullable=False, comment="Until when it is good."),
    Column("usado", MOMENT, comment="When it was last used, within a minute."),
    Index(None, "huella", unique=True),
    Index(None, "id_cuenta"),
    comment="Tokens for the API that people made for themselves. One that was revoked is gone.",
    sqlite_autoincrement=True,
)  # fmt: skip

intentos = Table(
    "intentos",
    metadata,
    Column("quien", TEXT, primary_key=True,
           comment="`cuenta:` and a name that was tried, or `red:` and the network it came from."),
    Column("fallos", Integer, nullable=False, comment="Wrong passwords one after another."),
    Column("ultimo", MOMENT, nullable=False, comment="When the last one was tried."),
    comment="Wrong passwords of the last quarter of an hour, which slow the next attempt.",
)  # fmt: skip

ONLY_GROWS = tuple(
    f"CREATE TRIGGER auditoria_{change.lower()} BEFORE {change} ON auditoria "
    "BEGIN SELECT RAISE(ABORT, 'la auditoría no se cambia'); END"
    for change in ("UPDATE", "DELETE")
)
for statement in ONLY_GROWS:
    only_grows = DDL(statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]
    event.listen(auditoria, "after_create", only_grows)
