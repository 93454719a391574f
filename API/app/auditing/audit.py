"""Makes the data of an audit report, and their hash.

They go to a temporary file, a line for each server, so that a fleet of any size takes the memory of
one server; whoever writes a report reads them from there, as often as need be.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Row

from API.app.auditing.model import Record, Scope, Server, Times, Waiver
from API.app.auditing.shares import Presence, Said, record
from API.app.auditing.spans import Span, common, length
from API.app.auditing.standing import Past, in_force, label_of, pasts
from API.app.compliance.policy import SEVERITIES, Severity
from API.app.compliance.scope import FLEET
from API.app.ingest.retention import Limits, limits_of
from API.app.queries import informe

FORM = 1
"""Of the data that are hashed: another one gives other hashes."""


@dataclass
class Policy:
    """A policy as it is today, and how all servers together stood with it."""

    id_politica: str
    titulo: str
    severidad: Severity
    by_clock: bool
    tiempos: Times = field(default_factory=Times)
    servidores: int = 0
    """That it said anything of."""
    incumplimientos: int = 0

    def add(self, said: Record) -> None:
        """Add how another server stood."""
        self.tiempos.add(said.tiempos)
        self.servidores += 1
        self.incumplimientos += len(said.incumplimientos)


Progress = Callable[[Sequence[Row[Any]]], Iterable[Row[Any]]]
"""Gives the servers as it is given them, and may show how far it is."""


class Audit:
    """The data of one report; a context, at whose end they are gone."""

    def __init__(self, connection: Connection, scope: Scope, progress: Progress = iter) -> None:
        """Make them.

        Args:
            connection: to the database, within one transaction: all of it is of one moment.
            scope: what is asked for.
            progress: shows how far it is.
        """
        self.scope = scope
        self.limits: Limits = limits_of(connection)
        self.unjudged = informe.unjudged(connection, scope.hasta)
        self.servers = 0
        self.time = self.silence = 0
        """In service, and of that silent, of all servers together; milliseconds."""
        self.hostnames: dict[str, str | None] = {}
        """As they are today, by `id_agente`."""
        rows = informe.policies(connection, scope.politica)
        self._policies = {row.num_politica: _policy(row) for row in rows}
        self._digests: dict[str, bytes] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        try:
            self._make(connection, progress)
        except BaseException:
            self._file.close()
            raise
        self.sha256 = self._hash()

    def __enter__(self) -> Self:
        """Begin to use them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove them."""
        self._file.close()

    def records(self) -> Iterator[Server]:
        """Give what there is to say of each server, by name."""
        self._file.seek(0)
        return (msgspec.json.decode(line, type=Server) for line in self._file)

    @property
    def policies(self) -> list[Policy]:
        """Those that anything was said by."""
        judged = [each for each in self._policies.values() if each.servidores]
        return sorted(judged, key=lambda each: SEVERITIES.index(each.severidad))

    def _make(self, connection: Connection, progress: Progress) -> None:
        scope = self.scope
        rows = informe.servers(connection, scope.servidor)
        known = pasts(informe.trail(connection, scope.hasta), rows)
        exceptions = [
            row
            for row in informe.exceptions(connection, scope.desde, scope.hasta)
            if row.num_politica in self._policies
        ]
        served = dict.fromkeys((row.id_excepcion for row in exceptions), 0)
        for row in progress([row for row in rows if self._asked_for(known[row.id_agente])]):
            self._add(connection, row, known[row.id_agente], exceptions, served)
        identities = {row.num_agente: row.id_agente for row in rows}
        self.waivers = [
            self._waiver(row, identities.get(row.num_agente), served[row.id_excepcion])
            for row in exceptions
            if served[row.id_excepcion]
        ]

    def _asked_for(self, past: Past) -> bool:
        return self.scope.etiqueta is None or past.had(self.scope.etiqueta, self.scope.hasta)

    def _add(
        self,
        connection: Connection,
        row: Row[Any],
        past: Past,
        exceptions: Sequence[Row[Any]],
        served: dict[int, int],
    ) -> None:
        scope = self.scope
        found = [
            Said._make(each)
            for each in informe.verdicts(
                connection, row.num_agente, self._only_policy(), scope.desde, scope.hasta
            )
        ]
        first = min([row.primero or scope.hasta, *(each.desde for each in found)])
        service = common(past.in_service(first, scope.hasta), [(scope.desde, scope.hasta)])
        if not service:
            return
        known_from = max(scope.desde, self.limits.reportes)
        silence = common(informe.silences(connection, row, known_from, scope.hasta), service)
        waived = _waived(exceptions, row.num_agente, past, service, served)
        presence = Presence(service, silence)
        records = list(self._records(found, presence, waived))
        self._keep(row, Server(row.id_agente, service, silence, records))

    def _records(
        self,
        found: Sequence[Said],
        presence: Presence,
        waived: Mapping[int, Mapping[int, list[Span]]],
    ) -> Iterator[Record]:
        by_policy = groupby(found, attrgetter("num_politica"))
        rows = {number: list(group) for number, group in by_policy}
        for number, policy in self._policies.items():  # by id
            if number not in rows:
                continue
            seen = presence._replace(silence=[]) if policy.by_clock else presence
            said = record(policy.id_politica, rows[number], seen, waived.get(number, {}))
            policy.add(said)
            yield said

    def _keep(self, row: Row[Any], server: Server) -> None:
        line = msgspec.json.encode(server)
        self._file.write(line + b"\n")
        self._digests[server.id_agente] = hashlib.sha256(line).digest()
        self.hostnames[server.id_agente] = row.hostname
        self.servers += 1
        self.time += length(server.en_servicio)
        self.silence += length(server.sin_reportes)

    def _only_policy(self) -> int | None:
        return next(iter(self._policies), -1) if self.scope.politica else None

    def _waiver(self, row: Row[Any], id_agente: str | None, served: int) -> Waiver:
        ended = row.terminada
        return Waiver(
            row.id_excepcion,
            self._policies[row.num_politica].id_politica,
            id_agente,
            label_of(row),
            row.motivo,
            row.quien,
            row.desde,
            row.hasta,
            ended if ended is not None and ended < self.scope.hasta else None,
            served,
        )

    def _hash(self) -> str:
        """Hash what was found, not what servers and policies are called today."""
        whole = hashlib.sha256(msgspec.json.encode((FORM, self.scope, self.waivers)))
        for _, digest in sorted(self._digests.items()):
            whole.update(digest)
        return whole.hexdigest()


def _policy(row: Row[Any]) -> Policy:
    document = msgspec.json.decode(row.documento)
    return Policy(
        row.id_politica,
        row.titulo,
        row.severidad,
        FLEET in document["requiere"],
    )


def _waived(
    exceptions: Sequence[Row[Any]],
    num_agente: int,
    past: Past,
    service: list[Span],
    served: dict[int, int],
) -> dict[int, dict[int, list[Span]]]:
    """Tell when which exceptions were in force for a server, by policy and exception."""
    found: dict[int, dict[int, list[Span]]] = {}
    for row in exceptions:
        if row.num_agente not in (None, num_agente):
            continue
        spans = in_force(row, past, service)
        if spans:
            found.setdefault(row.num_politica, {})[row.id_excepcion] = spans
            served[row.id_excepcion] += 1
    return found
