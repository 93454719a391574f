"""What a view says about its own requests, so that they can be judged by their headers alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, cast

from flask import request

from API.app.door.origin import Origin
from API.app.settings import Settings

SMALL_BODY = 64 << 10
"""Bytes of a body where the view says nothing else: a form, an enrolment."""

ORIGIN = "compliance.origin"
SENDER = "compliance.sender"
"""Where the door leaves what it found out, in the request's environment (PEP 3333)."""

View = Callable[..., Any]


class Entrance(NamedTuple):
    """What must hold before a view's request is let in."""

    admit: Callable[[], str] | None = None
    """Raises ProblemError where the body is not to be read; gives the name of who sends it."""
    limit: Callable[[Settings], int] = lambda _: SMALL_BODY
    """How many bytes a body may have."""
    in_clear: bool = False
    """Whether it may come over plain HTTP from elsewhere: it asks for no secret and tells none."""


def entrance_of(view: View | None) -> Entrance:
    """Give what `view` asks for."""
    found = getattr(view, "entrance", None)
    return found if isinstance(found, Entrance) else Entrance()


def origin() -> Origin:
    """Give where the request at hand comes from, as the door found out."""
    return cast("Origin", request.environ[ORIGIN])


def in_clear(view: View) -> View:
    """Mark a view that may be asked over plain HTTP from anywhere."""
    view.entrance = entrance_of(view)._replace(in_clear=True)  # type: ignore[attr-defined]
    return view


def takes_body(
    admit: Callable[[], str], limit: Callable[[Settings], int]
) -> Callable[[View], View]:
    """Have `admit` decide by the headers before a byte of the body is read.

    Args:
        admit: sees Flask's request without its body, in the event loop: it must not wait. It
            raises ProblemError, or gives the name of who sends the body.
        limit: bytes that the body may have.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def admitted(**arguments: Any) -> Any:
            if SENDER not in request.environ:
                request.environ[SENDER] = admit()
            return view(**arguments)

        admitted.entrance = Entrance(admit, limit)  # type: ignore[attr-defined]
        return admitted

    return mark
