"""What changed, who was told of it, and who did what."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.accounts.roles import Role
from API.app.facts import FIELDS
from API.app.queries import alertas
from API.app.queries.cambios import KINDS, NEWEST, ChangeFilters, Place, changes
from API.app.queries.catalogue.compliance import POLICY, SEVERITY
from API.app.queries.catalogue.declaring import AGENT, LABEL, of_table, pattern
from API.app.queries.resource import Column, Filter, Kind, Page, Question, Resource, Takes
from createDB.schema import auditoria

FIRST = -(1 << 53)
"""A moment before all others, in milliseconds since 1970."""


def _changes(connection: Connection, question: Question, limit: int) -> Page:
    values = dict(question.values)
    since, until = values.pop("desde", FIRST), values.pop("hasta", None)
    before = NEWEST if until is None else Place(until, 0)
    before = Place(*question.after) if question.after else before
    filters = ChangeFilters(
        **{name: value for name, value in values.items() if name in ChangeFilters._fields}
    )
    found = changes(connection, filters, since, before, limit)
    names = [column.name for column in question.columns]
    return Page([tuple(row[name] for name in names) for row in found.changes], found.end)


CAMBIOS = Resource(
    "cambios",
    "What began and what ceased to be true, newest first, but for the agents' own processes.",
    (
        Column("momento", Kind.MOMENT, "When it was first reported."),
        Column("tipo", Kind.TEXT, "`inicia` or `termina`."),
        Column("id_agente", Kind.TEXT, "The server."),
        Column("hostname", Kind.TEXT, "Its name in the latest report."),
        Column("campo", Kind.TEXT, "`procesos`, `usuarios_activos`, or a fact of the system."),
        Column("pid", Kind.INTEGER, "Process id, where there is one."),
        Column("nombre", Kind.TEXT, "Name of the process or user; or the value of the fact."),
        Column("valor", Kind.TEXT, "Who runs the process."),
    ),
    (
        Filter("agente", Takes.AGENT, "of the server with this `id_agente`"),
        Filter("campo", Takes.TEXT, "`procesos`, `usuarios_activos` or a fact of the system, such "
               "as `nucleo`", choices=tuple(FIELDS)),
        Filter("tipo", Takes.TEXT, "`inicia` or `termina`", choices=KINDS),
        Filter("nombre", Takes.TEXT, "exactly this name"),
        Filter("usuario", Takes.TEXT, "exactly this user of a process"),
        Filter("desde", Takes.MOMENT, "from this moment on"),
        Filter("hasta", Takes.MOMENT, "before this moment"),
    ),
    key=("momento", "num_agente", "shown"),
    notes="With filters, a page may have fewer rows than `limite` and still not be the last.",
    summary=("campo", "tipo", "nombre"),
    pages=_changes,
)  # fmt: skip


def _alerts(connection: Connection, question: Question, limit: int) -> Page:
    names = alertas.AlertFilters._fields
    filters = alertas.AlertFilters(**{name: question.values.get(name) for name in names})
    before = question.after[0] if question.after else alertas.NEWEST
    found = alertas.alerts(connection, filters, before, limit)
    rows = [tuple(_flat(row[column.name]) for column in question.columns) for row in found.alerts]
    return Page(rows, None if found.end is None else (found.end,))


def _flat(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


ALERTAS = Resource(
    "alertas",
    "What people are told of the servers, newest first.",
    (
        Column("id_alerta", Kind.INTEGER, "Number of the alert."),
        Column("tipo", Kind.TEXT, ", ".join(f"`{kind}`" for kind in alertas.KINDS) + "."),
        Column("severidad", Kind.TEXT, "`critica`, `alta`, `media` or `baja`."),
        Column("estado", Kind.TEXT, "`abierta` or `resuelta`."),
        Column("id_agente", Kind.TEXT, "The server."),
        Column("hostname", Kind.TEXT, "Its name in the latest report."),
        Column("politica", Kind.TEXT, "The policy's `id`; null where it is of none."),
        Column("titulo", Kind.TEXT, "What that asks for."),
        Column("desde", Kind.MOMENT, "Since when what it tells of is true."),
        Column("abierta", Kind.MOMENT, "When it began, by the collector's clock."),
        Column("resuelta", Kind.MOMENT, "When it was over, by the collector's clock."),
        Column("resolucion", Kind.TEXT, "Why it is over."),
        Column("evidencia", Kind.JSON, "The rows that violated the policy."),
        Column("razon", Kind.TEXT, "What the evidence leaves out."),
        Column("avisos", Kind.JSON, "Which channels were told what of it, or wait for it."),
    ),
    (
        AGENT,
        POLICY,
        SEVERITY,
        Filter("tipo", Takes.TEXT, "of this kind", choices=alertas.KINDS),
        Filter("estado", Takes.TEXT, "a new server, a clone and a return are over as they come",
               choices=alertas.STATES),
        LABEL,
        Filter("mensaje", Takes.TEXT, "those that a message told of, by its identity"),
    ),
    key=("id_alerta",),
    summary=("tipo", "severidad", "estado"),
    pages=_alerts,
    beside=lambda connection, _: {
        "abiertas": alertas.open_counts(connection),
        "por_entregar": alertas.waiting(connection),
    },
)  # fmt: skip

AUDITORIA = Resource(
    "auditoria",
    "Who did what, from where, when.",
    tuple(of_table(auditoria, "u", auditoria.columns.keys())),
    (
        Filter("quien", Takes.TEXT, "exactly this account", "u.quien = :quien"),
        pattern("accion", "u.accion", comment="what was done, such as `agente.*`"),
        Filter("objeto", Takes.TEXT, "to exactly this", "u.objeto = :objeto"),
        Filter("desde", Takes.MOMENT_TEXT, "from this moment on", "u.momento >= :desde"),
        Filter("hasta", Takes.MOMENT_TEXT, "before this moment", "u.momento < :hasta"),
    ),
    "FROM auditoria u",
    ("u.id_auditoria",),
    role=Role.ADMINISTRADOR,
    notes="`orden=-id_auditoria` begins with the newest.",
    summary=("accion", "quien"),
)  # fmt: skip
