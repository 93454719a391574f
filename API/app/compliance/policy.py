"""A policy: what its file may say. Nothing in this module does I/O."""

import hashlib
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Line = Annotated[str, Meta(min_length=3, max_length=200)]
Paragraph = Annotated[str, Meta(min_length=3, max_length=4_000)]
Names = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]
Severity = Literal["critica", "alta", "media", "baja"]
SEVERITIES: tuple[Severity, ...] = ("critica", "alta", "media", "baja")


class Applies(Struct, frozen=True, forbid_unknown_fields=True):
    """Which servers a policy is for: those that match whatever is given."""

    distribucion: Names | None = None
    """os-release's ID: one of these."""
    hostname: Names | None = None
    """One of these patterns; `*` stands for any text."""
    etiquetas: dict[str, str] = {}
    """Labels that the operator gave the server: all of these."""


TO_ALL = Applies()


class Examples(Struct, frozen=True, forbid_unknown_fields=True):
    """Reports of which it is known what the policy must say.

    Each is one report, or a list of them of which the last is judged: fields of a report, and
    `hace`, how many seconds before the judgement it was gathered and received, and `etiquetas`, the
    labels of its server. Fields that are not given are those of some healthy server.
    """

    cumple: list[dict[str, Any] | list[dict[str, Any]]] = []
    no_cumple: list[dict[str, Any] | list[dict[str, Any]]] = []


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """One policy, as its file has it."""

    id: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{1,63}$")]
    titulo: Line
    descripcion: Paragraph
    severidad: Severity
    por_que: Paragraph
    remedio: Paragraph
    requiere: Names
    """Facts and tables that `consulta` looks at; see `scope`."""
    consulta: Annotated[str, Meta(min_length=6, max_length=65_536)]
    """One SELECT of the rows that violate it, for the report `:id_serv`, at the moment `:en`."""
    consulta_postgresql: Annotated[str, Meta(min_length=6, max_length=65_536)] | None = None
    """The same in PostgreSQL's words, run instead of `consulta` where that is the database."""
    referencias: dict[str, Names] = {}
    """Standard -> numbers of its controls."""
    aplica: Applies = field(default_factory=Applies)
    ejemplos: Examples = field(default_factory=Examples)


def fingerprint(text: bytes) -> str:
    """Tell one state of a policy's file from another."""
    return hashlib.sha256(text).hexdigest()
