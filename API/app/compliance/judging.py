"""What a policy says of a report."""

from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

import msgspec

from API.app.compliance.guard import Found, QueryError
from API.app.compliance.guards import AnyGuard
from API.app.compliance.library import Rule
from API.app.compliance.policy import TO_ALL, Applies
from API.app.compliance.subjects import MAX_REASON, Subject

MAX_EVIDENCE = 16_384
"""Bytes of evidence that are kept; names come from the agents, who may make them long."""


class Verdict(StrEnum):
    """What a policy can say of a report."""

    CUMPLE = "cumple"
    NO_CUMPLE = "no_cumple"
    SIN_DATOS = "sin_datos"
    """What it needs is not known, or its query failed."""
    NO_APLICA = "no_aplica"


class Outcome(NamedTuple):
    """A verdict, and why."""

    veredicto: Verdict
    evidencia: str | None = None
    """JSON array: the rows that violate the policy."""
    razon: str | None = None
    """Why there is no other verdict, or what the evidence leaves out."""


APPLIES = Outcome(Verdict.CUMPLE)
COMPLIES = Outcome(Verdict.CUMPLE)
NOT_APPLICABLE = Outcome(Verdict.NO_APLICA)


def applicability(applies: Applies, subject: Subject) -> Outcome:
    """Tell whether a policy is for the server of a report: `APPLIES`, or what there is to say."""
    if applies.etiquetas:
        labels = msgspec.json.decode(subject.etiquetas) if subject.etiquetas else {}
        if not applies.etiquetas.items() <= labels.items():
            return NOT_APPLICABLE
    for fact, patterns in (("distribucion", applies.distribucion), ("hostname", applies.hostname)):
        if patterns is None:
            continue
        if reason := subject.unknown([fact]):
            return Outcome(Verdict.SIN_DATOS, razon=reason)
        value = (subject.value(fact) or "").lower()
        if not any(fnmatchcase(value, pattern.lower()) for pattern in patterns):
            return NOT_APPLICABLE
    return APPLIES


def judge(guard: AnyGuard, rule: Rule, subject: Subject, en: str) -> Outcome:
    """Judge one report by one policy.

    Args:
        guard: a connection for queries of policies.
        rule: the policy.
        subject: the report.
        en: the moment of the judgement, as the database writes moments.
    """
    if rule.policy.aplica != TO_ALL:
        found = applicability(rule.policy.aplica, subject)
        if found is not APPLIES:
            return found
    if reason := subject.unknown(_in_order(rule.scope.facts)):
        return Outcome(Verdict.SIN_DATOS, razon=reason)
    try:
        rows = guard.run(
            rule.policy.consulta, subject.id_serv, en, rule.scope.own,
            rule.policy.consulta_postgresql,
        )  # fmt: skip
    except QueryError as error:
        return Outcome(Verdict.SIN_DATOS, razon=str(error)[:MAX_REASON])
    return _outcome(rows)


@cache
def _in_order(facts: frozenset[str]) -> Sequence[str]:
    return sorted(facts)


def _outcome(found: Found) -> Outcome:
    if not found.rows:
        return COMPLIES
    whole = msgspec.json.encode(found.rows)
    if len(whole) <= MAX_EVIDENCE and not found.more:
        return Outcome(Verdict.NO_CUMPLE, whole.decode())
    rows: list[bytes] = []
    size = 0
    for row in found.rows:
        text = msgspec.json.encode(row)
        size += len(text)
        if size > MAX_EVIDENCE and rows:
            break
        rows.append(text)
    left_out = found.more or len(rows) < len(found.rows)
    return Outcome(
        Verdict.NO_CUMPLE,
        f"[{b','.join(rows).decode()}]",
        f"hay más filas que las {len(rows)} que se guardan" if left_out else None,
    )
