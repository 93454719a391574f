"""How the time of a server divides by what a policy said of it. Pure.

A verdict is that of a report, and holds until the next one. What is believed of a server that is
silent is the worse: a violation stands until a report shows that it is mended, while compliance is
not believed any longer than the server reports.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from API.app.auditing.model import Evidence, Record, Times, Violation
from API.app.auditing.spans import Span, common, length, merged, without


class Said(NamedTuple):
    """A row of `cumplimiento`."""

    num_politica: int
    desde: int
    hasta: int
    veredicto: str
    evidencia: str | None
    evidencia_ultima: str | None
    razon: str | None


class Presence(NamedTuple):
    """When a server counts, within the period."""

    service: Sequence[Span]
    silence: Sequence[Span]
    """Without reports though they were due."""


def record(
    name: str,
    rows: Sequence[Said],
    presence: Presence,
    waived: Mapping[int, Sequence[Span]],
) -> Record:
    """Tell how a server stood with a policy.

    Args:
        name: the policy's `id`.
        rows: what was said of the server, of all that overlaps with the period.
        presence: when the server counts.
        waived: by an exception's number, when it was in force for server and policy.
    """
    times, violations = Times(), []
    excepted = merged(span for spans in waived.values() for span in spans)
    for row in rows:
        spans = common([(row.desde, row.hasta)], presence.service)
        if row.veredicto == "cumple":
            silent = length(common(spans, presence.silence))
            times.sin_reportes += silent
            times.cumple += length(spans) - silent
        elif row.veredicto == "no_cumple":
            waived_time = length(common(spans, excepted))
            times.exceptuado += waived_time
            times.no_cumple += length(spans) - waived_time
            if spans:
                violations.append(_violation(row, presence.service[-1][1], waived, spans))
        else:
            setattr(times, row.veredicto, getattr(times, row.veredicto) + length(spans))
    said = merged((row.desde, row.hasta) for row in rows)
    times.sin_juzgar = length(without(presence.service, said))
    return Record(name, times, violations)


def _violation(
    row: Said, end: int, waived: Mapping[int, Sequence[Span]], spans: Sequence[Span]
) -> Violation:
    ended = row.hasta < end
    last = row.evidencia_ultima if ended else None
    numbers = [number for number, when in sorted(waived.items()) if common(when, spans)]
    return Violation(
        row.desde,
        row.hasta if ended else None,
        _rows(row.evidencia),
        None if last is None else _rows(last),
        row.razon if ended else None,
        numbers,
    )


def _rows(text: str | None) -> Evidence:
    return msgspec.json.decode(text, type=Evidence) if text else []
