"""What a server was at any time of a period: in service or not, with which labels. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from API.app.auditing.spans import Span, common, merged
from API.app.queries.informe import LABELLING
from API.app.queries.servicio import RETIRING

Labels = Mapping[str, str]


@dataclass
class Past:
    """What the audit trail says of a server, in its order: moments, and what was from then on."""

    service: list[tuple[int, bool]] = field(default_factory=list)
    labels: list[tuple[int, Labels]] = field(default_factory=list)

    def in_service(self, first: int, end: int) -> list[Span]:
        """Give when it was in service, from its first report on."""
        changes = [(first, True), *((max(at, first), on) for at, on in self.service)]
        ends = [*(at for at, _ in changes[1:]), end]
        return merged(
            (begin, min(stop, end)) for (begin, on), stop in zip(changes, ends, strict=True) if on
        )

    def labelled(self, label: str, end: int) -> list[Span]:
        """Give when it had a label, `name` or `name:value`, up to a moment."""
        name, found, value = label.partition(":")
        ends = [*(at for at, _ in self.labels[1:]), end]
        return merged(
            (begin, min(stop, end))
            for (begin, labels), stop in zip(self.labels, ends, strict=True)
            if name in labels and (not found or labels[name] == value)
        )

    def had(self, label: str, end: int) -> bool:
        """Tell whether it had a label until a moment."""
        return any(stop == end for _, stop in self.labelled(label, end))


def pasts(
    entries: Iterable[tuple[str, str, int, Labels]], servers: Iterable[Row[Any]]
) -> dict[str, Past]:
    """Sort the audit trail by servers. One whose labels it does not tell always had today's."""
    found: dict[str, Past] = {row.id_agente: Past() for row in servers}
    for id_agente, action, moment, labels in entries:
        past = found.get(id_agente)
        if past is None:
            continue
        if action == LABELLING:
            past.labels.append((moment, labels))
        else:
            past.service.append((moment, action not in RETIRING))
    for row in servers:
        if not found[row.id_agente].labels:
            found[row.id_agente].labels.append((0, json.loads(row.etiquetas or "{}")))
    return found


def in_force(exception: Row[Any], past: Past, service: list[Span]) -> list[Span]:
    """Give when an exception was in force for a server in service."""
    ended = exception.hasta if exception.terminada is None else exception.terminada
    spans = common([(exception.desde, ended)], service)
    label = label_of(exception)
    return spans if label is None else common(spans, past.labelled(label, ended))


def label_of(exception: Row[Any]) -> str | None:
    """Give the label that an exception is for; None where it is for one server."""
    name: str | None = exception.etiqueta
    return name if name is None or exception.valor is None else f"{name}:{exception.valor}"
