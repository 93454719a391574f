"""Puts the document together."""

from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from API.app.controllers.asking import COMMON, FIELDS, LIMIT, ORDER, parameters_of
from API.app.exports.formats import Format
from API.app.openapi.operations import OPERATIONS, PAGE_SIZE, READER, Operation, Parameter
from API.app.openapi.shapes import Lag, Problem, Score
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Column, Filter, Kind, Resource, Takes
from API.app.version import VERSION

REFERENCE = "#/components/schemas/{name}"
JSON, PROBLEM = "application/json", "application/problem+json"

KINDS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": ["string", "null"]},
    Kind.INTEGER: {"type": ["integer", "null"]},
    Kind.NUMBER: {"type": ["number", "null"]},
    Kind.BOOLEAN: {"type": ["boolean", "null"]},
    Kind.MOMENT: {"type": ["string", "null"], "format": "date-time"},
    Kind.JSON: {"type": ["object", "array", "null"]},
}
TAKEN: dict[Takes, dict[str, Any]] = {
    Takes.AGENT: {"type": "string", "format": "uuid"},
    Takes.INTEGER: {"type": "integer", "minimum": -(10**18) + 1, "maximum": 10**18 - 1},
    Takes.BOOLEAN: {"enum": ["si", "no"]},
    Takes.MOMENT: {"type": "string", "format": "date-time"},
    Takes.MOMENT_TEXT: {"type": "string", "format": "date-time"},
}
_REMOVED = {"borrado_hasta": {"type": "object"}}
TOTALS: dict[str, dict[str, Any]] = {
    "servers": _REMOVED,
    "procesos": _REMOVED,
    "usuarios_activos": _REMOVED,
    "cumplimiento": {"atraso": {"$ref": REFERENCE.format(name="Lag")}},
    "politicas": {"atraso": {"$ref": REFERENCE.format(name="Lag")}},
    "alertas": {"abiertas": {"type": "object"}, "por_entregar": {"type": "array"}},
}
"""What stands beside the rows of a resource."""

ROWS = {"type": "integer", "minimum": 1}
LINK = {"Link": {"description": "The next page, where there is one (`rel=\"next\"`).",
                 "schema": {"type": "string"}}}  # fmt: skip

SECURITY = {
    "personal": {"type": "http", "scheme": "bearer",
                 "description": "A personal token: its owner makes it in the console."},
    "local": {"type": "http", "scheme": "bearer",
              "description": "The header in the file `acceso-local`, on the collector's machine."},
    "sesion": {"type": "apiKey", "in": "cookie", "name": "sesion",
               "description": "A session of the console; over TLS `__Host-sesion`."},
    "agente": {"type": "http", "scheme": "bearer", "description": "A server's own token."},
    "alta": {"type": "http", "scheme": "bearer", "description": "The enrolment secret."},
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """Give the document; it is the same as long as the program runs."""
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in (*_resources(), *_others()):
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Compliance continuo de servidores",
            "version": VERSION,
            "description": "Reports of servers: received, kept, judged, asked for.",
        },
        "tags": [{"name": each.name, "description": each.title} for each in RESOURCES.values()],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": SECURITY},
    }


def _schemas() -> dict[str, Any]:
    """Give the schemas of the rows of resources, and of all shapes there are."""
    shapes = [
        shape
        for operation in OPERATIONS
        for shape in (operation.body, *operation.answers.values())
        if _is_shape(shape)
    ]
    types = dict.fromkeys((Problem, Score, Lag, *shapes))
    _, found = msgspec.json.schema_components(types, ref_template=REFERENCE)
    rows = {each.name: _row(each) for each in RESOURCES.values()}
    return dict(found) | rows


def _row(resource: Resource) -> dict[str, Any]:
    return {
        "type": "object",
        "title": resource.name,
        "properties": {column.name: _column(column) for column in resource.columns},
    }


def _column(column: Column) -> dict[str, Any]:
    return KINDS[column.kind] | {"description": column.comment}


def _resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for resource in RESOURCES.values():
        yield f"/{resource.name}", "get", _listing(resource, _parameters(resource, PAGE_SIZE))
        extension = Parameter(
            "formato",
            "The format.",
            {"type": "string", "enum": [each.value for each in Format]},
            "path",
        )
        formats = (extension, *_parameters(resource, ROWS))
        yield f"/{resource.name}.{{formato}}", "get", _listing(resource, formats)


def _listing(resource: Resource, parameters: Iterable[Parameter]) -> dict[str, Any]:
    rows = {"type": "array", "items": {"$ref": REFERENCE.format(name=resource.name)}}
    page = {"type": "object", "required": [resource.name],
            "properties": {resource.name: rows, **TOTALS.get(resource.name, {})}}  # fmt: skip
    content: dict[str, Any] = {each.content_type: {} for each in Format}
    content[JSON] = {"schema": page}
    return _operation(
        Operation("get", "", resource.title, {}, (400, 401, 403, 503), READER, tuple(parameters),
                  tag=resource.name),
        {
            "200": {"description": resource.notes or resource.title, "content": content,
                    "headers": LINK},
            "304": {"description": "Who asks has it already (`If-None-Match`)."},
        },
    )  # fmt: skip


def _parameters(resource: Resource, limit: dict[str, Any]) -> Iterator[Parameter]:
    for each in resource.filters:
        yield Parameter(each.name, _sentence(each.comment), _taken(each))
    taken = parameters_of(resource)
    names = [column.name for column in resource.columns]
    schemas: dict[str, dict[str, Any]] = {
        FIELDS: {"type": "string", "pattern": f"^({'|'.join(names)})(,({'|'.join(names)}))*$"},
        ORDER: {"enum": [*names, *(f"-{name}" for name in names)]},
        LIMIT: limit,
    }
    for common in COMMON:
        if common.name in taken:
            schema = schemas.get(common.name, {"type": "string"})
            yield Parameter(common.name, _sentence(common.comment), schema)


def _taken(each: Filter) -> dict[str, Any]:
    if each.choices:
        return {"enum": list(each.choices)}
    return TAKEN.get(each.takes, {"type": "string"})


def _sentence(comment: str) -> str:
    return f"{comment[0].upper()}{comment[1:]}."


def _others() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for each in OPERATIONS:
        answers = {str(status): _answer(status, kind) for status, kind in each.answers.items()}
        yield each.path, each.method, _operation(each, answers)


def _operation(each: Operation, answers: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": each.summary,
        "tags": [each.tag],
        "security": list(each.security),
        "parameters": [
            {"name": name, "in": place, "description": description, "schema": schema,
             "required": place == "path"}
            for name, description, schema, place in each.parameters
        ],
        "responses": answers | {str(status): _problem(status) for status in each.errors},
    }  # fmt: skip
    if each.body:
        schema = {"$ref": REFERENCE.format(name=each.body.__name__)}
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return found


def _answer(status: int, kind: Any) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"description": HTTPStatus(status).phrase, "content": {kind: {}}}
    schema: dict[str, Any] = {"type": "object"}
    if _is_shape(kind):
        schema = {"$ref": REFERENCE.format(name=kind.__name__)}
    return {"description": HTTPStatus(status).phrase, "content": {JSON: {"schema": schema}}}


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(name=Problem.__name__)}
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM: {"schema": schema}}}
