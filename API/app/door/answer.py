"""What goes back to whoever made a request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from flask import Response

from API.app.door.headers import Headers
from API.app.door.streams import Stream

_JSON = ("content-type", "application/json")


class Answer(NamedTuple):
    """An answer on its way out."""

    status: int
    headers: Headers
    body: bytes | Stream


def json_answer(status: HTTPStatus, content: Mapping[str, Any]) -> Answer:
    """Make an answer of JSON."""
    return Answer(status, [_JSON], msgspec.json.encode(content))


def answer_of(response: Response) -> Answer:
    """Give a response of Flask as an answer."""
    return Answer(response.status_code, list(response.headers.items()), response.get_data())
