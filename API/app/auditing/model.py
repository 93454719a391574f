"""What an audit report says. The hash is taken over these, so a field here is a field of it."""

from typing import Any

from msgspec import Struct

from API.app.auditing.spans import Span

Evidence = list[dict[str, Any]]


class Scope(Struct, frozen=True, kw_only=True):
    """What is asked for: a period, and of whom and what; moments in milliseconds since 1970."""

    desde: int
    hasta: int
    """The first moment that no longer belongs to it."""
    servidor: str | None = None
    """Its `id_agente`."""
    etiqueta: str | None = None
    """Servers with this label at the end of the period, as `name` or `name:value`."""
    politica: str | None = None


class Times(Struct, omit_defaults=True):
    """How a server's time in service divides, by what a policy said of it; milliseconds."""

    cumple: int = 0
    no_cumple: int = 0
    exceptuado: int = 0
    """It did not comply, and needed not."""
    sin_datos: int = 0
    no_aplica: int = 0
    sin_reportes: int = 0
    """It complied when it last reported, and was silent then."""
    sin_juzgar: int = 0
    """The policy was not in force yet, or no longer."""

    def add(self, other: "Times") -> None:
        """Add the times of another server or policy."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def share(self) -> float | None:
        """The share in compliance, of the time of which it can be told; None without any."""
        told = self.cumple + self.no_cumple + self.exceptuado
        return self.cumple / told if told else None


class Violation(Struct):
    """A time in which a server did not comply with a policy."""

    desde: int
    hasta: int | None
    """None where it went on at the end of the period."""
    evidencia: Evidence
    """At first."""
    evidencia_final: Evidence | None
    """At last, where that was other evidence; not of one that went on."""
    razon: str | None
    excepciones: list[int]
    """Numbers of the exceptions that were in force meanwhile."""


class Record(Struct):
    """What a policy said of a server."""

    politica: str
    tiempos: Times
    incumplimientos: list[Violation]


class Server(Struct):
    """A server that was in service."""

    id_agente: str
    en_servicio: list[Span]
    sin_reportes: list[Span]
    """When it was silent."""
    politicas: list[Record]
    """By their `id`."""


class Waiver(Struct):
    """An exception that was in force for a server of the report."""

    id_excepcion: int
    politica: str
    id_agente: str | None
    etiqueta: str | None
    """`name` or `name:value`; one of both is given."""
    motivo: str
    quien: str
    desde: int
    hasta: int
    terminada: int | None
    """When it was ended before its time, if that was in the period."""
    servidores: int
    """How many servers of the report it was in force for."""
