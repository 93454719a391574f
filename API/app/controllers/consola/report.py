"""The audit report: what it is to be about, and the file."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import Response, request

from API.app.auditing.aside import make_report
from API.app.auditing.asking import read_scope
from API.app.auditing.model import Scope
from API.app.collector import the_collector
from API.app.controllers.consola.pages import page, require_person
from API.app.door.streams import Stream
from API.app.errors import ProblemError
from API.app.exports.aside import pieces_of
from API.app.exports.formats import Format
from API.app.identity import Identity
from API.app.queries.times import now_ms
from API.app.words import SpokenError

DAYS = 30
"""Of the period that is proposed."""
SHOWN = "ver"
"""What `formato` says in place of `html` where that is looked at, not downloaded."""
TYPES = {
    "html": "text/html; charset=utf-8",
    "csv": f"{Format.CSV.content_type}; charset=utf-8",
    "xlsx": Format.XLSX.content_type,
}
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Of a report that is looked at: its own style, and of no origin of ours."""


def show_report() -> Response:
    """Show what can be asked for; with `formato`, the report."""
    who = require_person()
    wanted = request.args.get("formato")
    if wanted is None:
        return _page(who)
    form = "html" if wanted == SHOWN else wanted
    if form not in TYPES:
        known = ", ".join((SHOWN, *TYPES))
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"formato must be one of {known}")
    now = now_ms()
    try:
        scope = _scope(now)
    except SpokenError as error:
        return _page(who, told=error, status=HTTPStatus.BAD_REQUEST)
    try:
        file = make_report(the_collector().settings.database, scope, form, now)
    except ProblemError:
        return _page(who, told="report_busy", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response = Response(Stream(pieces_of(file)))
    response.content_type = TYPES[form]
    if form == "html":
        response.headers["Content-Security-Policy"] = REPORT_POLICY
    if wanted != SHOWN:
        name = f"informe-{_given('desde')}-{_given('hasta')}.{form}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(
    who: Identity, told: SpokenError | str | None = None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    today = datetime.now(UTC)
    proposed = {"desde": f"{today - timedelta(days=DAYS):%Y-%m-%d}", "hasta": f"{today:%Y-%m-%d}"}
    return page("report.html", section="policies", who=who, given=proposed | request.args.to_dict(),
                formats=(SHOWN, *TYPES), told=told, status=status)  # fmt: skip


def _scope(now: int) -> Scope:
    since, until = _day(_given("desde")), _end_of(_given("hasta"))
    with the_collector().reader.connect() as connection:
        return read_scope(
            connection, since, until, now, server=_given("servidor"), label=_given("etiqueta"),
            policy=_given("politica"),
        )  # fmt: skip


def _given(name: str) -> str:
    return request.args.get(name, "").strip()


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise SpokenError("report_date", text=text[:60]) from None


def _end_of(text: str) -> datetime:
    """Read the last day, which counts whole."""
    try:
        return _day(text) + timedelta(days=1)
    except OverflowError:
        raise SpokenError("report_date", text=text) from None
