"""The resources: a page as JSON, or all rows as they come out of the database."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from flask import Response, jsonify, request
from werkzeug.routing import BaseConverter

from API.app.collector import the_collector
from API.app.controllers.asking import AFTER, place_after, read_question
from API.app.controllers.pieces import in_pieces
from API.app.door.streams import Stream
from API.app.exports.aside import pieces_of
from API.app.exports.formats import Format, as_objects, csv_text, format_of, ndjson
from API.app.exports.workbook import make_workbook
from API.app.identity import require_role
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Question, Resource, all_rows, page

WRITERS = {Format.CSV: csv_text, Format.NDJSON: ndjson}


class FormatConverter(BaseConverter):
    """The extension of a path."""

    regex = "|".join(Format)


def views() -> list[tuple[str, Callable[..., Response]]]:
    """Give the view of each resource, by its name."""
    return [(name, partial(show_resource, resource)) for name, resource in RESOURCES.items()]


def show_resource(resource: Resource, formato: str | None = None) -> Response:
    """Answer with rows of a resource, in the format that the path or else `Accept` names."""
    require_role(resource.role)
    chosen = Format(formato) if formato else _accepted()
    paged = chosen is Format.JSON
    question = read_question(resource, request.args, paged=paged)
    if paged:
        response = _page(resource, question)
    elif chosen is Format.XLSX:
        response = _workbook(resource)
    else:
        response = _export(resource, question, chosen)
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _accepted() -> Format:
    """Give the format that is asked for; whoever takes anything, or nothing of ours, gets JSON."""
    types = [each.content_type for each in Format]
    return format_of(request.accept_mimetypes.best_match(types, types[0]))


def _page(resource: Resource, question: Question) -> Response:
    limit = question.limit or 1
    with the_collector().reader.connect() as connection:
        found = page(connection, resource, question, limit)
        beside = resource.beside(connection, question) if resource.beside else {}
    rows = as_objects(question.columns, found.rows)
    response = jsonify(**beside, **{resource.name: rows})
    if found.end is not None:
        arguments = {**request.args, AFTER: place_after(question, found.end)}
        response.headers["Link"] = f'<{request.path}?{urlencode(arguments)}>; rel="next"'
    return response


def _export(resource: Resource, question: Question, chosen: Format) -> Response:
    pieces = WRITERS[chosen](question.columns, all_rows(the_collector().reader, resource, question))
    return _as_download(in_pieces(pieces), resource, chosen)


def _workbook(resource: Resource) -> Response:
    settings = the_collector().settings
    file = make_workbook(settings.database, resource.name, request.args)
    return _as_download(Response(Stream(pieces_of(file))), resource, Format.XLSX)


def _as_download(response: Response, resource: Resource, chosen: Format) -> Response:
    response.headers["Content-Type"] = (
        "text/csv; charset=utf-8" if chosen is Format.CSV else chosen.content_type
    )
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{resource.name}.{chosen.value}"'
    )
    return response
