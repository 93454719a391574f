"""What the policies say, and who is excepted from them."""

from typing import Any

from sqlalchemy import Connection

from API.app.queries.catalogue.declaring import AGENT, LABEL, from_milliseconds
from API.app.queries.cumplimiento import (
    FROM,
    NOW,
    SEVERITIES,
    VERDICT,
    VERDICTS,
    VerdictFilters,
    lag,
    policies,
    score,
)
from API.app.queries.latest import is_given
from API.app.queries.resource import Column, Filter, Kind, Page, Question, Resource, Takes
from API.app.queries.servicio import IN_SERVICE
from createDB.schema import OPEN

_RANKS = " ".join(f"WHEN '{name}' THEN {rank}" for rank, name in enumerate(SEVERITIES))
# Not by json_object, which in PostgreSQL is something else.
_EXCEPTION = f"""CASE WHEN x.id_excepcion IS NOT NULL THEN '{{"id_excepcion":' || x.id_excepcion
    || ',"motivo":' || json_quote(x.motivo) || ',"quien":' || json_quote(x.quien)
    || ',"desde":"' || {from_milliseconds("x.desde")}
    || '","hasta":"' || {from_milliseconds("coalesce(x.terminada, x.hasta)")} || '"}}' END"""
POLICY = Filter("politica", Takes.TEXT, "of this policy's `id`", "o.id_politica = :politica")
SEVERITY = Filter(
    "severidad", Takes.TEXT, "of this severity", "o.severidad = :severidad", SEVERITIES
)


def _totals(connection: Connection, question: Question) -> dict[str, Any]:
    """Count all that the filters leave, and say how far judging is behind."""
    values = dict(question.values)
    moment = values.pop("en", NOW)
    name = values.pop("etiqueta_nombre", None)
    if name is not None:
        values["etiqueta"] = f"{name}:{values.pop('etiqueta_valor')}"
    return score(connection, moment, VerdictFilters(**values)) | {"atraso": lag(connection)}


CUMPLIMIENTO = Resource(
    "cumplimiento",
    "What the policies say, by server and policy.",
    (
        Column("id_agente", Kind.TEXT, "The server.", "a.id_agente"),
        Column("hostname", Kind.TEXT, "Its name in the latest report.", "a.hostname"),
        Column("politica", Kind.TEXT, "The policy's `id`.", "o.id_politica"),
        Column("titulo", Kind.TEXT, "What it asks for.", "o.titulo"),
        Column("severidad", Kind.TEXT, "`critica`, `alta`, `media` or `baja`.", "o.severidad",
               f"CASE o.severidad {_RANKS} END"),
        Column("veredicto", Kind.TEXT, ", ".join(f"`{verdict}`" for verdict in VERDICTS) + ".",
               VERDICT),
        Column("desde", Kind.MOMENT, "Moment of the first report with this verdict.",
               from_milliseconds("c.desde"), "c.desde"),
        Column("hasta", Kind.MOMENT, "Moment of the first report with another one; null while "
               "there is none.", f"CASE WHEN c.hasta < {OPEN} THEN {from_milliseconds('c.hasta')} "
               "END", "c.hasta"),
        Column("evidencia_inicial", Kind.JSON, "The rows that violated the policy at first.",
               "coalesce(c.evidencia, '[]')"),
        Column("evidencia", Kind.JSON, "The rows at last.",
               "coalesce(c.evidencia_ultima, c.evidencia, '[]')"),
        Column("razon", Kind.TEXT, "Why there are no data, or what the evidence leaves out.",
               "c.razon"),
        Column("excepcion", Kind.JSON, "The exception in force, where there is one.", _EXCEPTION,
               "x.id_excepcion"),
    ),
    (
        AGENT,
        POLICY,
        SEVERITY,
        Filter("veredicto", Takes.TEXT, "of this verdict", f"{VERDICT} = :veredicto", VERDICTS),
        LABEL,
        Filter("en", Takes.MOMENT, "what was in force at this moment; now, unless given"),
    ),
    FROM.format(clock="coalesce(:en, :reloj)"),
    ("c.num_agente", "c.num_politica"),
    f"c.desde <= coalesce(:en, {NOW}) AND c.hasta > coalesce(:en, {NOW}) "
    f"AND ({is_given('agente', 'TEXT')} OR {IN_SERVICE})",
    notes="Who is retired or revoked at that moment is left out, unless by `agente`.",
    summary=("politica", "severidad", "veredicto"),
    beside=_totals,
)  # fmt: skip


def _policies(connection: Connection, question: Question, limit: int) -> Page:
    """Give the policies in force: they are few, and counted all together."""
    severity = question.values.get("severidad")
    rows = [
        tuple(policy[column.name] for column in question.columns)
        for policy in policies(connection)
        if severity in (None, policy["severidad"])
    ]
    begin = question.after[0] if question.after else 0
    end = begin + limit
    return Page(rows[begin:end], (end,) if len(rows) > end else None)


POLITICAS = Resource(
    "politicas",
    "The policies in force, the severest first, and how the fleet stands.",
    (
        Column("id", Kind.TEXT, "The policy's `id`."),
        Column("titulo", Kind.TEXT, "What it asks for."),
        Column("severidad", Kind.TEXT, "`critica`, `alta`, `media` or `baja`."),
        Column("por_juzgar", Kind.INTEGER, "Servers to be judged anew after a change of it."),
        Column("puntaje", Kind.NUMBER, "The share that complies, of those that could be told."),
        *(Column(verdict, Kind.INTEGER, f"Servers with the verdict `{verdict}`.")
          for verdict in VERDICTS),
    ),
    (SEVERITY,),
    key=("place",),
    summary=("severidad",),
    pages=_policies,
    beside=lambda connection, _: {"atraso": lag(connection)},
)  # fmt: skip

_END = "coalesce(x.terminada, x.hasta)"
_IN_FORCE_NOW = f"CASE WHEN x.desde <= :reloj AND {_END} > :reloj THEN 1 ELSE 0 END"

EXCEPCIONES = Resource(
    "excepciones",
    "The exceptions from policies, those that are over too.",
    (
        Column("id_excepcion", Kind.INTEGER, "Number of the exception.", "x.id_excepcion"),
        Column("politica", Kind.TEXT, "The policy's `id`.", "o.id_politica"),
        Column("id_agente", Kind.TEXT, "The server; null where it is all those with a label.",
               "a.id_agente"),
        Column("hostname", Kind.TEXT, "The server's name.", "a.hostname"),
        Column("etiqueta", Kind.TEXT, "The label's name; null where it is one server.",
               "x.etiqueta"),
        Column("valor", Kind.TEXT, "The label's value; null: whichever it has.", "x.valor"),
        Column("motivo", Kind.TEXT, "Why.", "x.motivo"),
        Column("quien", Kind.TEXT, "Who granted it.", "x.quien"),
        Column("desde", Kind.MOMENT, "When it was granted.", from_milliseconds("x.desde"),
               "x.desde"),
        Column("hasta", Kind.MOMENT, "When it ends, or ended, by itself.",
               from_milliseconds("x.hasta"), "x.hasta"),
        Column("terminada", Kind.MOMENT, "When somebody ended it before that.",
               from_milliseconds("x.terminada"), "x.terminada"),
        Column("vigente", Kind.BOOLEAN, "Whether it is in force.", _IN_FORCE_NOW),
    ),
    (
        POLICY,
        AGENT,
        Filter("vigente", Takes.BOOLEAN, "whether it is in force", f"{_IN_FORCE_NOW} = :vigente"),
    ),
    "FROM excepciones x JOIN politicas o ON o.num_politica = x.num_politica "
    "LEFT JOIN agentes a ON a.num_agente = x.num_agente",
    ("x.id_excepcion",),
    summary=("politica", "vigente"),
)  # fmt: skip
