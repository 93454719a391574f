"""The periods of one verdict: how what is said of a report extends, ends or splits them. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from API.app.compliance.judging import Outcome
from createDB.schema import OPEN


class Period(NamedTuple):
    """A row of `cumplimiento`."""

    num_agente: int
    num_politica: int
    desde: int
    hasta: int
    veredicto: str
    evidencia: str | None
    evidencia_ultima: str | None
    razon: str | None

    @property
    def latest(self) -> str | None:
        """The evidence at its end."""
        return self.evidencia_ultima or self.evidencia

    def showing(self, evidence: str | None, reason: str | None) -> "Period":
        """Give it with this evidence at its end."""
        last = None if evidence == self.evidencia else evidence
        return self._replace(evidencia_ultima=last, razon=reason)


class Judged(NamedTuple):
    """What was said of a report, and the report's place in its server's history."""

    momento: int
    outcome: Outcome


class Rewrite(NamedTuple):
    """Periods, and what stands in their place."""

    old: Sequence[Period]
    new: Sequence[Period]


def begin(num_agente: int, num_politica: int, judged: Judged, hasta: int = OPEN) -> Period:
    """Make the period that begins with a report."""
    momento, (verdict, evidence, reason) = judged
    return Period(num_agente, num_politica, momento, hasta, verdict.value, evidence, None, reason)


def follow(period: Period, judged: Judged) -> tuple[Period, ...]:
    """Give what an open period becomes through a later report: nothing new, itself, or two."""
    momento, outcome = judged
    if outcome.veredicto == period.veredicto:
        if (outcome.evidencia, outcome.razon) == (period.latest, period.razon):
            return ()
        return (period.showing(outcome.evidencia, outcome.razon),)
    new = begin(period.num_agente, period.num_politica, judged)
    if momento <= period.desde:  # the same report, judged anew
        return (new._replace(desde=period.desde),)
    return (period._replace(hasta=momento), new)


def shortened(period: Period | None, last: Judged | None, hasta: int) -> Period | None:
    """Let a period end earlier.

    Args:
        period: None where there is none.
        last: what is said of the last report in it, if it is known.
        hasta: the moment of the first report that is no longer in it.
    """
    if period is None:
        return None
    shorter = period._replace(hasta=hasta)
    if last and last.outcome.veredicto == period.veredicto:
        return shorter.showing(last.outcome.evidencia, last.outcome.razon)
    return shorter


def rebuild(
    before: Period | None, judged: Sequence[Judged], after: Period | None, like: Period, end: int
) -> list[Period]:
    """Make the periods of a stretch of the past anew.

    Args:
        before: the period up to the stretch, ending where it begins; None where there is none.
        judged: what is said of the reports in the stretch, in their order.
        after: the period that begins at `end`; None where there is none.
        like: any period of the same server and policy.
        end: of the stretch.

    Returns:
        what is to stand there instead of `before`, the stretch and `after`.
    """
    built = [before] if before else []
    for index, each in enumerate(judged):
        hasta = judged[index + 1].momento if index + 1 < len(judged) else end
        last = built[-1] if built else None
        if last and last.hasta == each.momento and last.veredicto == each.outcome.veredicto:
            evidence, reason = each.outcome.evidencia, each.outcome.razon
            built[-1] = last._replace(hasta=hasta).showing(evidence, reason)
        else:
            built.append(begin(like.num_agente, like.num_politica, each, hasta))
    if after and built and (built[-1].hasta, built[-1].veredicto) == (end, after.veredicto):
        last = built.pop()
        after = last._replace(hasta=after.hasta).showing(after.latest, after.razon)
    return [*built, after] if after else built
