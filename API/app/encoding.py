"""Answers as JSON, ten times as fast as with the standard library: a page may have a megabyte."""

from typing import Any

import msgspec
from flask import Response
from flask.json.provider import JSONProvider


class Json(JSONProvider):
    """Flask's way to encode, with msgspec; keys stay in the order in which they were given."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        """Write `obj` as JSON."""
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Read JSON."""
        return msgspec.json.decode(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make an answer of what `jsonify` was given."""
        body = msgspec.json.encode(self._prepare_response_obj(args, kwargs))
        return Response(body, mimetype="application/json")
