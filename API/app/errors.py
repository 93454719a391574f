"""What can go wrong with a request, and the one shape in which every answer says so (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from API.app.locks import reason_of
from createDB.engine import said_by

log = structlog.get_logger()


class ProblemError(Exception):
    """A request that is answered with an error.

    Args:
        status: of the answer.
        detail: one sentence for whoever made the request.
        headers: that go with the answer, such as Retry-After.
        extra: members of the problem beside RFC 9457's own.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


class StorageUnavailableError(Exception):
    """Nothing can be stored now; nothing of what was being stored was kept."""


class OverloadedError(StorageUnavailableError):
    """More reports are waiting to be stored than the settings allow."""


RETRY_AFTER_S = 5
"""How long a client is asked to wait when the collector can't store now, in seconds."""


def problem(
    status: HTTPStatus, detail: str, headers: dict[str, str] | None = None, **extra: Any
) -> Response:
    """Make the answer to a request that failed."""
    body = {"title": status.phrase, "status": int(status), "detail": detail, **extra}
    return Response(
        json.dumps(body, ensure_ascii=False),
        int(status),
        headers,
        content_type="application/problem+json",
    )


def unavailable(error: StorageUnavailableError) -> Response:
    """Make the answer to a request that comes at the wrong time."""
    wait = {"Retry-After": str(RETRY_AFTER_S)}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), wait)


def too_large(limit: int) -> ProblemError:
    """Give the error for a body of more than `limit` bytes; the rest of it is not read."""
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body may have {limit:,} bytes",
        {"Connection": "close"},
    )


def register_error_handlers(app: Flask) -> None:
    """Have every error of `app`, whoever raises it, answered as a problem."""

    @app.errorhandler(ProblemError)
    def refused(error: ProblemError) -> Response:
        return problem(error.status, error.detail, error.headers, **error.extra)

    app.register_error_handler(StorageUnavailableError, unavailable)

    @app.errorhandler(InterfaceError)
    @app.errorhandler(OperationalError)
    def database_away(error: InterfaceError | OperationalError) -> Response:
        reason = reason_of(error, app.extensions["collector"].reader)
        log.error("the database cannot be read", reason=reason)
        return unavailable(StorageUnavailableError(f"the database cannot be read: {reason}"))

    @app.errorhandler(DataError)
    def no_value(error: DataError) -> Response:
        """Answer what PostgreSQL cannot hold, such as a NUL in a text that is searched for."""
        detail = f"the database takes no such value: {said_by(error)}"
        return problem(HTTPStatus.BAD_REQUEST, detail)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        if isinstance(error.response, Response):
            return error.response
        headers = {
            name: value
            for name, value in error.get_headers()
            if name not in ("Content-Type", "Content-Length")
        }
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem(status, error.description or status.phrase, headers)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the collector; see its log")
