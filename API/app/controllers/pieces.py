"""Answers that are sent while they are made."""

from collections.abc import Iterator

from flask import Response

from API.app.controllers.whole import takes_gzip
from API.app.door.streams import Stream
from API.app.exports.formats import gzipped


def in_pieces(pieces: Iterator[bytes]) -> Response:
    """Answer with what comes, packed for whoever can unpack it; says nothing of what it is."""
    packed = takes_gzip()
    response = Response(Stream(gzipped(pieces) if packed else pieces))
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response
