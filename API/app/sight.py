"""One server as its page shows it: at a moment, within a window of time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from API.app.accounts.credentials import now
from API.app.auditing.spans import Span
from API.app.differences import Difference, Turn, differing_facts, differing_items, turns
from API.app.lives import Bar, Lane, Window, lanes
from API.app.queries import servidor
from API.app.queries.cumplimiento import SEVERITIES, VerdictFilters, VerdictPlace, verdicts
from API.app.queries.estado import state_at
from API.app.queries.huecos import gaps, longest_silence
from API.app.queries.servers import report_as_posted
from API.app.queries.servidor import Change
from API.app.queries.times import as_ms

DAY_MS = 86_400_000
SPANS = {"dia": DAY_MS, "semana": 7 * DAY_MS, "mes": 30 * DAY_MS, "todo": None}
"""How much time bars show; None for all there is."""
LEAST_WINDOW_MS = 600_000
MOST_VERDICTS = 1_000
CHANGES_A_PAGE = 100
REPORTS_A_PAGE = 50
LOOKS = {"cumple": "ok", "no_cumple": "bad", "sin_datos": "warn", "no_aplica": "plain"}
"""How the bars of verdicts look."""
WORST_FIRST = ("no_cumple", "exceptuado", "sin_datos", "cumple", "no_aplica")


class Sight(NamedTuple):
    """A server at a moment: what all views of it need, and by which they ask for more."""

    connection: Connection
    server: Row[Any]
    at: int
    """The moment that is shown, in milliseconds since 1970."""
    latest: int
    """The last moment that can be shown."""
    first: int
    """The first one of which anything is known."""
    window: Window
    gaps: list[Span]
    """From which report to which nobody saw anything; the last one may go on."""
    state: dict[str, Any]
    previous_report: int | None
    """The one before the one that tells of the moment."""
    previous_change: int | None
    next_change: int | None
    forgotten: Mapping[str, int]

    @property
    def gap(self) -> Span | None:
        """Give the gap that the moment lies in."""
        return next((gap for gap in self.gaps if gap[0] < self.at <= gap[1]), None)

    @property
    def gap_bars(self) -> list[Bar]:
        """Give the gaps of the window."""
        return self.window.bars(self.gaps, "gap")

    @property
    def whole(self) -> Window:
        """Give all the time that can be shown."""
        return Window(self.first, self.latest)


class Moment(NamedTuple):
    """What changed at one moment, or a gap: `until` is when the next report came."""

    momento: int
    changes: list[Change]
    until: int | None = None
    cut: bool = False
    """Whether there may have been more."""


class Timeline(NamedTuple):
    """A page of a server's changes, and before which moment the next one begins."""

    moments: list[Moment]
    end: int | None


def look(connection: Connection, id_agente: str, at: int | None, span: str) -> Sight | None:
    """See a server at a moment, the latest unless it is given; None where there is none.

    Args:
        connection: to the database.
        id_agente: the server.
        at: in milliseconds since 1970.
        span: one of `SPANS`.
    """
    server = servidor.server(connection, id_agente, now())
    if server is None:
        return None
    # A clock that is a little ahead has reported from later than now.
    latest = max(as_ms(datetime.now(UTC)), server.ultimo or 0)
    known = [moment for moment in (server.primero, server.conocido) if moment is not None]
    first = min(known, default=latest)
    at = latest if at is None else min(at, latest)
    most = longest_silence(server.intervalo)
    seen_from = latest if server.primero is None else server.primero
    previous, following = servidor.changes_beside(connection, server.num_agente, at)
    return Sight(
        connection=connection,
        server=server,
        at=at,
        latest=latest,
        first=first,
        window=_window(first, at, SPANS[span]),
        gaps=gaps(connection, server.num_agente, most, seen_from, latest),
        state=state_at(connection, id_agente, at) or {},
        previous_report=servidor.report_before(connection, server.num_agente, at),
        previous_change=previous,
        next_change=following,
        forgotten=servidor.forgotten(connection),
    )


def _window(first: int, at: int, length: int | None) -> Window:
    begin = first if length is None else max(first, at - length)
    return Window(min(begin, at - LEAST_WINDOW_MS), at)


def lanes_of(sight: Sight, fields: Collection[str], search: str = "") -> tuple[list[Lane], int]:
    """Give the lanes of some fields, and from when on they are complete."""
    window = sight.window
    found = servidor.lives(sight.connection, sight.server.num_agente, fields, *window)
    wanted = search.casefold()
    kept = [
        life for life in found.lives
        if wanted in life.nombre.casefold() or wanted in (life.valor or "").casefold()
    ]  # fmt: skip
    return lanes(kept, window), found.complete_from


def verdicts_at(sight: Sight) -> list[dict[str, Any]]:
    """Give what the policies said at the moment, the worst first."""
    filters = VerdictFilters(agente=sight.server.id_agente)
    found = verdicts(sight.connection, sight.at, filters, VerdictPlace(), MOST_VERDICTS).verdicts
    return sorted(found, key=_worst_first)


def _worst_first(verdict: Mapping[str, Any]) -> tuple[int, int, str]:
    severity = SEVERITIES.index(verdict["severidad"])
    return WORST_FIRST.index(verdict["veredicto"]), severity, verdict["titulo"]


def verdict_bars(sight: Sight) -> dict[str, list[Bar]]:
    """Give the bars of each policy's verdicts, by its `id`."""
    window = sight.window
    rows = servidor.verdict_periods(sight.connection, sight.server.num_agente, *window)
    found: dict[str, list[Bar]] = {}
    for row in rows:
        bar = window.bar(row.desde, row.hasta, LOOKS[row.veredicto])
        found.setdefault(row.id_politica, []).append(bar)
    return found


def timeline(
    sight: Sight, before: int, field: str = "", search: str = "",
    limit: int = CHANGES_A_PAGE,
) -> Timeline:  # fmt: skip
    """Give what changed up to a moment, newest first, with the gaps between."""
    number = sight.server.num_agente
    page = servidor.changes_of(sight.connection, number, before, field, search, limit)
    moments = [Moment(at, list(made)) for at, made in groupby(page.changes, key=_moment)]
    if page.cut:
        moments[-1] = moments[-1]._replace(cut=True)
    oldest, end = (sight.first, None) if page.end is None else (page.end, page.end)
    unseen = [gap for gap in sight.gaps if gap[1] > oldest and gap[0] < before]
    if len(unseen) > limit:  # it used to report less often: the page ends with the last gap shown
        unseen = unseen[-limit:]
        end = unseen[0][0] - 1
        moments = [moment for moment in moments if moment.momento > end]
    moments += [Moment(last, [], following) for last, following in unseen]
    return Timeline(sorted(moments, key=_newest_first), end)


def _moment(change: Change) -> int:
    return change.momento


def _newest_first(moment: Moment) -> tuple[int, bool]:
    return -moment.momento, moment.until is None


def reports(sight: Sight, before: int) -> Sequence[Row[Any]]:
    """List reports up to a moment, newest first: one more than a page, where there is."""
    return servidor.reports_of(
        sight.connection, sight.server.num_agente, before, REPORTS_A_PAGE + 1
    )


def report(sight: Sight, id_serv: int | None) -> dict[str, Any] | None:
    """Give a report of the server as it was posted: the one of the moment unless it is named."""
    number = id_serv
    if number is None and sight.state["reporte_anterior"]:
        number = sight.state["reporte_anterior"]["id_serv"]
    found = None if number is None else report_as_posted(sight.connection, number)
    ours = found is not None and found["id_agente"] == sight.server.id_agente
    return found if ours else None


class Comparison(NamedTuple):
    """What differs at the moment from what was at another one."""

    items: list[Difference]
    facts: list[Turn]
    verdicts: list[Turn]

    @property
    def nothing(self) -> bool:
        """Tell whether all is the same."""
        return not any(self)


def compare(sight: Sight, other: int) -> Comparison:
    """Compare the moment with another one."""
    then = state_at(sight.connection, sight.server.id_agente, other) or {}
    said = dict(_said(verdicts_at(sight._replace(at=other))))
    say = dict(_said(verdicts_at(sight)))
    return Comparison(
        differing_items(then, sight.state), differing_facts(then, sight.state), turns(said, say)
    )


def _said(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for verdict in found:
        yield verdict["titulo"], verdict["veredicto"]
