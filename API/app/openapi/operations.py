"""The routes that are no resource, one by one; `document.py` adds the resources."""

from typing import Any, NamedTuple

from API.app.enrolment import Enrolment
from API.app.openapi import shapes
from API.app.queries.cumplimiento import SEVERITIES
from API.app.queries.puntajes import PARTS
from API.app.report import Report

Security = tuple[dict[str, list[str]], ...]

READER: Security = ({"personal": []}, {"local": []}, {"sesion": []})
"""Who may read: a personal token, this machine's own people, or somebody logged in."""
ANYBODY: Security = ({},)
SENDER: Security = ({"agente": []}, {})
"""Servers: with their token, or from a network that needs none."""


class Parameter(NamedTuple):
    """A parameter of a path, or of a query."""

    name: str
    description: str
    schema: dict[str, Any]
    place: str = "query"


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    summary: str
    answers: dict[int, Any]
    """Status -> the type of its JSON, or the media type of what is no JSON."""
    errors: tuple[int, ...] = ()
    security: Security = READER
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    tag: str = "colector"


MOMENT = {"type": "string", "format": "date-time"}
TEXT = {"type": "string"}
PAGE_SIZE = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}

_AGENT = Parameter("id_agente", "The server.", {"type": "string", "format": "uuid"}, "path")
_AT = Parameter("en", "At this moment; now, unless given.", MOMENT)
_SENT = (400, 401, 403, 408, 409, 411, 413, 415, 429, 503)

OPERATIONS = (
    Operation("post", "/servers", "Store a report.",
              {201: shapes.Stored, 200: shapes.Stored, 202: shapes.Pending},
              _SENT, SENDER, body=Report, tag="agentes"),
    Operation("post", "/agentes", "Enrol a server.", {201: shapes.Enrolled, 200: shapes.Enrolled},
              _SENT, ({"alta": []}, {"agente": []}), body=Enrolment, tag="agentes"),
    Operation("get", "/servers/{id_serv}", "One report as it was posted.",
              {200: shapes.PostedReport}, (401, 403, 404),
              parameters=(Parameter("id_serv", "Number of the report.",
                                    {"type": "integer", "minimum": 0}, "path"),),
              tag="servers"),
    Operation("get", "/agentes/{id_agente}/estado", "What was known of a server at a moment.",
              {200: shapes.State}, (400, 401, 403, 404), parameters=(_AGENT, _AT), tag="agentes"),
    Operation("get", "/agentes/{id_agente}/cumplimiento", "What the policies say of one server.",
              {200: shapes.Verdicts}, (400, 401, 403, 404), parameters=(_AGENT, _AT),
              tag="cumplimiento"),
    Operation("get", "/cumplimiento/puntajes", "Scores side by side, the worst first.",
              {200: shapes.Scores}, (400, 401, 403), parameters=(
                  Parameter("por", "Whose scores.", {"enum": list(PARTS), "default": "servidor"}),
                  Parameter("politica", "Of this policy's `id`.", TEXT),
                  Parameter("severidad", "Of this severity.", {"enum": list(SEVERITIES)}),
                  Parameter("etiqueta", "Of servers with this label, as `name:value`.", TEXT),
                  _AT,
                  Parameter("limite", "Scores on a page.", PAGE_SIZE),
                  Parameter("despues", "How many come before the page.",
                            {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
              ), tag="cumplimiento"),
    Operation("get", "/politicas/{id_politica}", "A policy, and who does not comply.",
              {200: shapes.Policy}, (400, 401, 403, 404),
              parameters=(Parameter("id_politica", "The policy's `id`.", TEXT, "path"),),
              tag="politicas"),
    Operation("get", "/ca.pem", "The authority of the collector's own certificate.",
              {200: "application/x-pem-file"}, (404,), ANYBODY),
    Operation("get", "/healthz", "Whether the process answers.", {200: shapes.Alive}, (), ANYBODY),
    Operation("get", "/readyz", "Whether a report that came now would be taken.",
              {200: shapes.Ready}, (503,), ANYBODY),
    Operation("get", "/metrics", "For Prometheus.", {200: "text/plain"}, (401, 403)),
    Operation("get", "/openapi.json", "This document.", {200: dict[str, Any]}, (401, 403)),
)  # fmt: skip
