"""Reports: received, listed, shown."""

import zlib
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response, jsonify, request

from API.app.auth import require_network, require_reader
from API.app.collector import the_collector
from API.app.controllers.parameters import page_size, refuse_unknown
from API.app.door.entrance import in_clear, takes_body
from API.app.errors import ProblemError, too_large
from API.app.ingest.store import Entry, entry_from_body
from API.app.queries.servers import Filters, latest_reports, report_as_posted
from API.app.report import InvalidReportError

PARAMETERS = (*Filters._fields, "limite", "despues")


def admit_reporter() -> str:
    """Decide by its headers whether a report is to be read, and give who sends it."""
    sender = require_network(the_collector().settings.networks_without_token)
    require_json()
    return sender


@in_clear
@takes_body(admit_reporter, limit=lambda settings: settings.max_body)
def receive_report() -> tuple[Response, int]:
    """Store the report in the request's body; 201, or 200 where it was stored before."""
    collector = the_collector()
    stored = collector.writer.store(_entry(read_body(collector.settings.max_body)))
    status = HTTPStatus.CREATED if stored.created else HTTPStatus.OK
    return jsonify(id_serv=stored.id_serv), status


def list_servers() -> Response:
    """List the latest report of each server, a page at a time."""
    require_reader()
    refuse_unknown(PARAMETERS)
    limit = page_size()
    filters = Filters(*(request.args.get(name) for name in Filters._fields))
    with the_collector().reader.connect() as connection:
        rows = latest_reports(connection, filters, request.args.get("despues"), limit + 1)
    response = jsonify(servers=rows[:limit])
    if len(rows) > limit:
        arguments = {**request.args, "despues": rows[limit - 1]["id_agente"]}
        response.headers["Link"] = f'</servers?{urlencode(arguments)}>; rel="next"'
    return response


def show_report(id_serv: int) -> Response:
    """Show one report in the shape in which it was posted."""
    require_reader()
    with the_collector().reader.connect() as connection:
        report = report_as_posted(connection, id_serv) if id_serv < 1 << 63 else None
    if report is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no report {id_serv}")
    return jsonify(report)


def _entry(body: bytes) -> Entry:
    try:
        return entry_from_body(body)
    except InvalidReportError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error), errores=error.problems) from None


def require_json() -> None:
    """Refuse a body that does not say that it is JSON, plain or with gzip.

    Raises:
        ProblemError: 415.
    """
    if request.mimetype != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json"
        )
    if _encoding() not in ("gzip", "identity"):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding must be gzip or none",
            {"Accept-Encoding": "gzip"},
        )


def read_body(limit: int) -> bytes:
    """Give the request's body, unpacked.

    Raises:
        ProblemError: 413, or 400 where it isn't what its headers say.
    """
    body = request.get_data(cache=False)
    return _gunzip(body, limit) if _encoding() == "gzip" else body


def _encoding() -> str:
    return request.headers.get("Content-Encoding", "identity").strip().lower()


def _gunzip(packed: bytes, limit: int) -> bytes:
    """Unpack one gzip member; stops at `limit`, however much more a bomb would make."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not gzip: {error}") from None
    if len(body) > limit:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip member")
    return body
