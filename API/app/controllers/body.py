"""The body of a request: of the kind that is wanted, unpacked within its limit."""

import zlib
from http import HTTPStatus

from API.app.door.arrival import Arrival
from API.app.errors import ProblemError, too_large


def require_json(arrival: Arrival) -> None:
    """Refuse a body that does not say that it is JSON, plain or with gzip.

    Raises:
        ProblemError: 415.
    """
    kind = arrival.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json"
        )
    if _encoding(arrival) not in ("gzip", "identity"):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding must be gzip or none",
            {"Accept-Encoding": "gzip"},
        )


def unpacked_size(arrival: Arrival) -> int:
    """Tell how many bytes the body has once it is unpacked; of gzip, as it says itself.

    Its last four bytes say so (RFC 1952, 2.3.1). What says less than it has is not unpacked.
    """
    packed = _encoding(arrival) == "gzip"
    return int.from_bytes(arrival.body[-4:], "little") if packed else len(arrival.body)


def unpacked(arrival: Arrival, limit: int) -> bytes:
    """Give the request's body, unpacked.

    Raises:
        ProblemError: 413, or 400 where it isn't what its headers say.
    """
    if _encoding(arrival) != "gzip":
        return bytes(arrival.body)
    size = unpacked_size(arrival)
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(arrival.body, min(size, limit) + 1)
    except zlib.error as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not gzip: {error}") from None
    if len(body) > limit:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip member")
    return body


def _encoding(arrival: Arrival) -> str:
    return arrival.headers.get("content-encoding", "identity").strip().lower()
