"""Query parameters: read, checked, refused by name."""

import contextlib
import re
from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus

from flask import request

from API.app.errors import ProblemError

PAGE = 100
MAX_PAGE = 1_000

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def refuse_unknown(known: Collection[str]) -> None:
    """Make sure that the request has no parameter that nobody reads: a typo would filter nothing.

    Raises:
        ProblemError: 400.
    """
    unknown = sorted(set(request.args) - set(known))
    if unknown:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            f"unknown parameter {unknown[0]!r}; there are {', '.join(sorted(known))}",
        )


def one_of(name: str, values: Collection[str]) -> None:
    """Make sure that a parameter, where it is given, has one of these values.

    Raises:
        ProblemError: 400.
    """
    if request.args.get(name, next(iter(values))) not in values:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name} must be one of {', '.join(values)}")


def page_size() -> int:
    """Read `limite`.

    Raises:
        ProblemError: 400.
    """
    text = request.args.get("limite", str(PAGE))
    if not (re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= MAX_PAGE):
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"limite must be from 1 to {MAX_PAGE}")
    return int(text)


def at_least(name: str, least: int) -> int:
    """Read a whole number; the least it may be, where it is not given.

    Raises:
        ProblemError: 400.
    """
    text = request.args.get(name, str(least))
    if not (re.fullmatch("[0-9]{1,9}", text) and int(text) >= least):
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name} must be a number from {least}")
    return int(text)


def moment(name: str, default: datetime) -> datetime:
    """Read a moment (ISO 8601; UTC where it has no offset), with its offset.

    Raises:
        ProblemError: 400.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError, OverflowError):
            found = datetime.fromisoformat(text)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    raise ProblemError(
        HTTPStatus.BAD_REQUEST, f"{name} must be a moment such as 2026-11-20T10:00:00Z"
    )
