"""The servers: their latest reports, or those of another moment, and what the collector knows."""

from typing import Any

from sqlalchemy import Connection

from API.app.queries.admission import LISTED, RETIRED, REVOKED
from API.app.queries.agentes import SKEW
from API.app.queries.catalogue.declaring import (
    AGENT,
    LABEL,
    is_like,
    of_table,
    pattern,
)
from API.app.queries.estado import removed_since
from API.app.queries.estados import STATE, STATES
from API.app.queries.latest import ITEMS, REPORT, is_given
from API.app.queries.resource import Column, Filter, Kind, Question, Resource, Takes
from API.app.queries.servicio import IN_SERVICE
from createDB.schema import agentes, procesos, servers, usuarios_activos

_IN_SERVICE = f"({is_given('agente', 'TEXT')} OR {is_given('reporte')} OR {IN_SERVICE})"

_AT = Filter(
    "en", Takes.MOMENT, "of each server the latest report at this moment; now, unless given"
)
_NUMBERED = Filter(
    "reporte", Takes.INTEGER, "of the report with this `id_serv`, in place of the latest ones"
)
_OF_SERVICE = "Of servers in service at that moment, unless `agente` or `reporte` names one."
_SERVER = tuple(of_table(agentes, "a", ("id_agente", "hostname")))


def _removed(connection: Connection, question: Question) -> dict[str, Any]:
    """Say of a past moment up to when housekeeping has removed what would be told of it."""
    moment = question.values.get("en")
    removed = {} if moment is None else removed_since(connection, moment)
    return {"borrado_hasta": removed} if removed else {}


SERVERS = Resource(
    "servers",
    "The latest report of each server, or that of another moment.",
    tuple(of_table(servers, "s", {*servers.columns.keys()} - {"momento", "num_agente"})),
    (
        pattern("ip", "s.ipaddress", comment="its address; `*` stands for any text"),
        pattern("hostname", "s.hostname", comment="its name, the same way"),
        pattern(
            "so",
            "s.nombre_so",
            "s.distribucion",
            "s.distribucion || ' ' || s.version_distribucion",
            comment="the same for the system's name (`linux`), the distribution (`debian`) or both "
            "(`debian 12`)",
        ),
        pattern("nucleo", "s.nucleo", comment="its kernel, the same way"),
        AGENT,
        LABEL,
        _AT,
        _NUMBERED,
    ),
    REPORT,
    ("a.id_agente",),
    f"s.num_agente = a.num_agente AND {_IN_SERVICE}",
    notes=_OF_SERVICE,
    summary=("nombre_so", "distribucion", "version_distribucion", "nucleo"),
    beside=_removed,
)


def _ever(name: str, field: str, column: str) -> str:
    """Write that a server ever had such a name: a name of the fleet is found without all rows."""
    return f"""a.num_agente IN (SELECT x.num_agente FROM hechos h JOIN presencias x
        USING (id_hecho) WHERE h.campo = '{field}' AND {is_like(f"h.{column}", name)})"""  # noqa: S608


def _named(name: str, field: str, column: str, comment: str) -> Filter:
    """Declare a filter of the items of a report, by a name that `hechos` has too."""
    sql = f"{is_like(f'i.{name}', name)} AND {_ever(name, field, column)}"
    return Filter(name, Takes.PATTERN, comment, sql)


def _items(table: str) -> dict[str, str]:
    return {database: source.format(table=table) for database, source in ITEMS.items()}


PROCESOS = Resource(
    "procesos",
    "What runs on each server and as whom, by its latest report or another one.",
    (
        *of_table(procesos, "i", ("id_proc", "id_serv")),
        *_SERVER,
        *of_table(procesos, "i", ("ip_server", "fecha_hora", "pid", "name", "username")),
    ),
    (
        _named("name", "procesos", "nombre", "its name; `*` stands for any text"),
        _named("username", "procesos", "valor", "who runs it, the same way"),
        Filter("pid", Takes.INTEGER, "its process id", "i.pid = :pid"),
        pattern("hostname", "a.hostname", comment="of servers with this name, the same way"),
        AGENT,
        LABEL,
        _AT,
        _NUMBERED,
    ),
    _items("procesos"),
    ("a.num_agente", "coalesce(i.pid, -1)", "i.id_proc"),
    f"s.num_agente = a.num_agente AND {_IN_SERVICE}",
    notes=_OF_SERVICE,
    summary=("name", "username"),
    beside=_removed,
)

USUARIOS_ACTIVOS = Resource(
    "usuarios_activos",
    "Who is logged in on each server, by its latest report or another one.",
    (
        *of_table(usuarios_activos, "i", ("id_usr", "id_serv")),
        *_SERVER,
        *of_table(usuarios_activos, "i", ("ip_server", "fecha_hora", "username", "pid")),
    ),
    (
        _named("username", "usuarios_activos", "nombre", "who; `*` stands for any text"),
        pattern("hostname", "a.hostname", comment="of servers with this name, the same way"),
        AGENT,
        LABEL,
        _AT,
        _NUMBERED,
    ),
    _items("usuarios_activos"),
    ("a.num_agente", "i.id_usr"),
    f"s.num_agente = a.num_agente AND {_IN_SERVICE}",
    notes=_OF_SERVICE,
    summary=("username", "hostname"),
    beside=_removed,
)

_TOKEN = """CASE WHEN EXISTS (SELECT 1 FROM credenciales c WHERE c.num_agente = a.num_agente)
    THEN 1 ELSE 0 END"""  # noqa: S105

AGENTES = Resource(
    "agentes",
    "Every server that reports or has enrolled, whatever its state.",
    (
        *_SERVER,
        *of_table(agentes, "a", ("ipaddress",)),
        Column("situacion", Kind.TEXT, "How it stands by the collector's clock.", STATE),
        *of_table(
            agentes,
            "a",
            ("estado", "etiquetas", "id_serv", "primer_reporte", "ultimo_reporte", "intervalo",
             "version_agente", "descartados", "clon_de", "clon_visto"),
        ),
        Column("tiene_token", Kind.BOOLEAN, "Whether it reports with a token of its own.", _TOKEN),
        Column(
            "desfase",
            Kind.NUMBER,
            "How many seconds its clock is ahead of the collector's, less than 0 where behind.",
            SKEW,
        ),
    ),
    (
        Filter("situacion", Takes.TEXT, "how it stands", f"{STATE} = :situacion",
               tuple(state.name for state in STATES)),
        Filter("estado", Takes.TEXT, "as the operator said", "a.estado = :estado",
               (*LISTED, RETIRED, REVOKED)),
        pattern("hostname", "a.hostname", comment="its name; `*` stands for any text"),
        pattern("ip", "a.ipaddress", comment="its address, the same way"),
        pattern("version_agente", "a.version_agente", comment="its agent's version, the same way"),
        Filter("tiene_token", Takes.BOOLEAN, "whether it has a token", f"{_TOKEN} = :tiene_token"),
        AGENT,
        LABEL,
    ),
    "FROM agentes a",
    ("a.id_agente",),
    notes="`situacion` is explained in [api.md](api.md#how-a-server-stands).",
    summary=("situacion", "estado", "version_agente"),
)  # fmt: skip
