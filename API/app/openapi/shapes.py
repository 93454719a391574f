"""The shapes of what routes answer that are no resource: their schemas are made from these."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType


class Problem(Struct):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    detail: str
    errores: list[str] | UnsetType = UNSET


class Stored(Struct):
    """A report was stored."""

    id_serv: int
    renovar_token: bool | UnsetType = UNSET


class Pending(Struct):
    """A report was taken while the database, which gives the numbers, is away."""

    id_reporte: UUID


class Enrolled(Struct):
    """A server was enrolled."""

    id_agente: UUID


class Seen(Struct):
    """A report, by its times."""

    id_serv: int
    fecha_hora: str
    recibido: str
    momento: datetime
    errores: dict[str, str]


class State(Struct):
    """What was known of a server at a moment."""

    id_agente: UUID
    en: datetime
    reporte_anterior: Seen | None
    reporte_siguiente: Seen | None
    borrado_hasta: dict[str, datetime]
    sistema: dict[str, Any]
    procesos: list[dict[str, Any]]
    usuarios_activos: list[dict[str, Any]]


class PostedReport(Struct):
    """A report as it was posted, so far as the database has it."""

    ipaddress: str | None
    fecha_hora: str | None
    arquitectura_proc: str | None
    marca_proc: str | None
    nombre_so: str | None
    version_so: str | None
    procesos: list[dict[str, Any]]
    usuarios_activos: list[dict[str, Any]]


class Score(Struct):
    """How many verdicts of each kind there are."""

    puntaje: float | None
    cumple: int
    no_cumple: int
    exceptuado: int
    sin_datos: int
    no_aplica: int


class Lag(Struct):
    """How far judging is behind."""

    reportes: int
    desde: datetime | None


class Scores(Struct):
    """Scores side by side."""

    por: str
    flota: Score
    atraso: Lag
    puntajes: list[Score]


class Verdicts(Score):
    """All verdicts of one server."""

    id_agente: UUID
    cumplimiento: list[dict[str, Any]]


class Policy(Score):
    """A policy, and who does not comply."""

    politica: dict[str, Any]
    incumplen: list[dict[str, Any]]
    exceptuados: list[dict[str, Any]]


class Alive(Struct):
    """The process answers."""

    estado: str


class Ready(Struct):
    """A report that came now could be stored."""

    estado: str
    comprobaciones: dict[str, str]
