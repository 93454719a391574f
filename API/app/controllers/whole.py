"""What answers that are read whole have in common: a mark of what they say (ETag), and gzip."""

import hashlib
import zlib

from flask import Response, request

from API.app.exports.formats import GZIP_LEVEL

SMALL = 1_000
"""Bytes that are not worth packing: they fit into one packet."""

PACKED = ("application/json", "application/problem+json", "text/html", "text/plain")


def finish(response: Response) -> Response:
    """Answer 304 to who has it already, and pack what is large."""
    if request.method not in ("GET", "HEAD") or response.is_streamed:
        return response
    if response.status_code == 200 and response.mimetype == "application/json":
        body = hashlib.blake2b(response.get_data(), digest_size=16).hexdigest()
        response.set_etag(body, weak=True)
        response.make_conditional(request)
    if response.mimetype in PACKED and response.status_code == 200:
        _pack(response)
    return response


def takes_gzip() -> bool:
    """Tell whether whoever asks can unpack gzip."""
    return request.accept_encodings.quality("gzip") > 0


def _pack(response: Response) -> None:
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) > SMALL and takes_gzip():
        response.set_data(zlib.compress(body, GZIP_LEVEL, wbits=31))
        response.headers["Content-Encoding"] = "gzip"
