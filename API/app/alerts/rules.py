"""Who is to be told of what: what the operator's file may say, and what a rule says of an alert.

Nothing in this module does I/O.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from API.app.alerts.incidents import Kind
from API.app.compliance.policy import SEVERITIES, Names, Severity

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
Url = Annotated[str, Meta(min_length=3, max_length=4_096)]
Seconds = Annotated[int, Meta(ge=0, le=86_400)]

SOURCES = ("url", "url_archivo", "url_entorno", "webhook")
SECRETS = ("secreto_archivo", "secreto_entorno")


class ChannelEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A way to reach people or a program: a URL of apprise, or a webhook of our own."""

    nombre: Name
    url: Url | None = None
    url_archivo: str | None = None
    """The file that holds it; most URLs have a secret in them."""
    url_entorno: str | None = None
    """The environment variable that holds it."""
    webhook: Url | None = None
    secreto_archivo: str | None = None
    secreto_entorno: str | None = None
    ca: str | None = None
    """Certificates that vouch for the webhook's, in PEM."""

    def __post_init__(self) -> None:
        """Make sure that it is one of the two.

        Raises:
            ValueError: it isn't; msgspec adds where.
        """
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"un canal tiene una sola de: {', '.join(SOURCES)}")
        secrets = [name for name in SECRETS if getattr(self, name) is not None]
        if self.webhook and not _is_url(self.webhook):
            raise ValueError("webhook: no es una URL")
        if self.webhook and len(secrets) != 1:
            raise ValueError(f"un webhook tiene una sola de: {', '.join(SECRETS)}")
        if not self.webhook and (secrets or self.ca):
            raise ValueError(f"{', '.join(SECRETS)} y ca son de un webhook")

    @property
    def place(self) -> str:
        """Tell where it leads, or where that is written; without a secret."""
        if self.webhook is not None:
            return "{0.scheme}://{0.hostname}".format(urlsplit(self.webhook))
        if self.url is not None:
            scheme, found, _ = self.url.partition("://")
            return f"{scheme}://…" if found else "…"  # what has no scheme may be all secret
        return self.url_archivo or f"${self.url_entorno}"


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts go to which channels: those that match whatever is given."""

    canales: Names
    tipos: Annotated[list[Kind], Meta(min_length=1)] | None = None
    severidad: Severity | None = None
    """This one, or a severer one."""
    politicas: Names | None = None
    """One of these; `*` stands for any text. What no policy says matches none."""
    servidores: Names | None = None
    """One of these hostnames; `*` stands for any text."""
    etiquetas: dict[str, str] = {}
    """All of these labels."""


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's file."""

    canales: Annotated[list[ChannelEntry], Meta(min_length=1)]
    reglas: Annotated[list[Rule], Meta(min_length=1)]
    enlace: Url | None = None
    """Where people reach the collector, for the links in messages."""
    espera: Seconds = 10
    """How long an alert waits for others, to go with them in one message."""
    cada: Seconds = 300
    """How long a channel hears nothing more of a policy that it was just told of."""


class Incident(Struct, frozen=True):
    """What rules look at of an alert."""

    tipo: str
    severidad: str
    politica: str | None
    hostname: str | None
    etiquetas: Mapping[str, Any]


def channels_for(rules: Sequence[Rule], incident: Incident) -> list[str]:
    """Name the channels that are to hear of an alert, in order."""
    named = {name for rule in rules if matches(rule, incident) for name in rule.canales}
    return sorted(named)


def matches(rule: Rule, incident: Incident) -> bool:
    """Tell whether a rule is about an alert."""
    return (
        (rule.tipos is None or incident.tipo in rule.tipos)
        and (
            rule.severidad is None or _rank(incident.severidad) <= SEVERITIES.index(rule.severidad)
        )
        and _named(rule.politicas, incident.politica)
        and _named(rule.servidores, incident.hostname)
        and rule.etiquetas.items() <= incident.etiquetas.items()
    )


def unknown_channel(file: File) -> str | None:
    """Name a channel that a rule names and that is none."""
    known = {channel.nombre for channel in file.canales}
    named = (name for rule in file.reglas for name in rule.canales)
    return next((name for name in named if name not in known), None)


def repeated_channel(file: File) -> str | None:
    """Name a channel that stands twice."""
    names = [channel.nombre for channel in file.canales]
    return next((name for name in names if names.count(name) > 1), None)


def _is_url(text: str) -> bool:
    """Tell whether a URL has a host and a port that can be read from it."""
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _named(patterns: list[str] | None, name: str | None) -> bool:
    if patterns is None:
        return True
    return any(fnmatchcase((name or "").lower(), pattern.lower()) for pattern in patterns) and (
        name is not None
    )
