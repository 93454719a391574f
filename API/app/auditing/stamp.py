"""What a report's file says of itself: enough to make it again, and the hash to compare."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from API.app.auditing.audit import Audit
from API.app.auditing.model import Scope
from API.app.queries.times import as_ms, from_ms

FIELDS = ("desde", "hasta", "id_agente", "etiqueta", "politica", "hecho", "sha256")


class StampError(Exception):
    """A file is not an audit report; the message says why, in Spanish."""


class Stamp(msgspec.Struct, frozen=True):
    """What was asked for, when the file was made, and the hash of the data."""

    scope: Scope
    made: int
    """In milliseconds since 1970."""
    sha256: str

    @classmethod
    def of(cls, audit: Audit, made: int) -> "Stamp":
        """Make that of a report that is made now."""
        return cls(audit.scope, made, audit.sha256)

    def texts(self) -> dict[str, str]:
        """Write it, by `FIELDS`; what was not asked for is empty."""
        scope = self.scope
        cells = (from_ms(scope.desde), from_ms(scope.hasta), scope.servidor, scope.etiqueta,
                 scope.politica, from_ms(self.made), self.sha256)  # fmt: skip
        return {name: cell or "" for name, cell in zip(FIELDS, cells, strict=True)}


def stamp_from(texts: Mapping[str, str]) -> Stamp:
    """Read what `Stamp.texts` wrote.

    Raises:
        StampError: it did not.
    """
    try:
        desde, hasta, server, label, policy, made, sha256 = (texts[name] for name in FIELDS)
        scope = Scope(desde=_ms(desde), hasta=_ms(hasta), servidor=server or None,
                      etiqueta=label or None, politica=policy or None)  # fmt: skip
        return Stamp(scope, _ms(made), sha256)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise StampError("no es un informe de cumplimiento, o le falta su sello") from None


def _ms(text: str) -> int:
    return as_ms(datetime.fromisoformat(text).astimezone(UTC))
