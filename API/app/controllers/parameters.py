"""Query parameters: read, checked, refused by name."""

import contextlib
import re
from collections.abc import Collection, Mapping
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


def wrong(detail: str) -> ProblemError:
    """Give the error for a parameter that is not as it must be."""
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)


def refuse_unknown(known: Collection[str], given: Collection[str] | None = None) -> None:
    """Make sure that there is no parameter that nobody reads: a typo would filter nothing.

    Args:
        known: the parameters that are read.
        given: those that there are; of the request at hand, unless given.

    Raises:
        ProblemError: 400.
    """
    unknown = sorted(set(request.args if given is None else given) - set(known))
    if unknown:
        there_are = f"there are {', '.join(sorted(known))}" if known else "there is none"
        raise wrong(f"unknown parameter {unknown[0]!r}; {there_are}")


def one_of(name: str, values: Collection[str]) -> None:
    """Make sure that a parameter, where it is given, has one of these values.

    Raises:
        ProblemError: 400.
    """
    if request.args.get(name, next(iter(values))) not in values:
        raise wrong(f"{name} must be one of {', '.join(values)}")


def page_size(arguments: Mapping[str, str] | None = None) -> int:
    """Read `limite` of a page; of the request at hand, unless other arguments are given.

    Raises:
        ProblemError: 400.
    """
    text = (request.args if arguments is None else arguments).get("limite", str(PAGE))
    if not (re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= MAX_PAGE):
        raise wrong(f"limite must be from 1 to {MAX_PAGE}")
    return int(text)


def at_least(name: str, least: int) -> int:
    """Read a whole number; the least it may be, where it is not given.

    Raises:
        ProblemError: 400.
    """
    text = request.args.get(name, str(least))
    if not (re.fullmatch("[0-9]{1,9}", text) and int(text) >= least):
        raise wrong(f"{name} must be a number from {least}")
    return int(text)


def moment(name: str, default: datetime, arguments: Mapping[str, str] | None = None) -> datetime:
    """Read a moment (ISO 8601; UTC where it has no offset), with its offset.

    Args:
        name: of the parameter.
        default: where it is not given.
        arguments: those of the request at hand, unless given.

    Raises:
        ProblemError: 400.
    """
    text = (request.args if arguments is None else arguments).get(name)
    if text is None:
        return default
    if _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError, OverflowError):
            found = datetime.fromisoformat(text)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    hint = " (in a URL, + is written %2B)" if " " in text[-6:] else ""
    raise wrong(f"{name} must be a moment such as 2026-11-20T10:00:00Z{hint}")
