"""The body of a request: of the kind that is wanted, unpacked within its limit."""

import zlib
from http import HTTPStatus

from flask import request

from API.app.errors import ProblemError, too_large


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
