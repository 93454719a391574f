"""What a view says about its own requests, so that they can be judged by their headers alone."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

from flask import request

from API.app.collector import Collector
from API.app.door.answer import Answer
from API.app.door.arrival import Arrival, Sender
from API.app.door.origin import Origin
from API.app.settings import Settings

SMALL_BODY = 64 << 10
"""Bytes of a body where the view says nothing else: a form, an enrolment."""

ARRIVAL = "compliance.arrival"
"""Where the door leaves what it found out, in the request's environment (PEP 3333)."""

View = Callable[..., Any]
Admit = Callable[[Collector, Arrival], Sender]
Directly = Callable[[Collector, Arrival], Awaitable[Answer]]


class Entrance(NamedTuple):
    """What must hold before a view's request is let in, and who answers it then."""

    admit: Admit | None = None
    """Raises ProblemError where the body is not to be read; gives who sends it."""
    waits: bool = False
    """Whether `admit` may have to wait, and is asked in a thread."""
    limit: Callable[[Settings], int] = lambda _: SMALL_BODY
    """How many bytes a body may have."""
    in_clear: bool = False
    """Whether it may come over plain HTTP from elsewhere: it asks for no secret and tells none."""
    apart: bool = False
    """Whether it is answered by threads that nobody else's request can keep busy."""
    directly: Directly | None = None
    """Answers in the event loop, without Flask and without a thread."""


def entrance_of(view: View | None) -> Entrance:
    """Give what `view` asks for."""
    found = getattr(view, "entrance", None)
    return found if isinstance(found, Entrance) else Entrance()


def the_arrival() -> Arrival:
    """Give the request at hand as it came to the door."""
    return cast("Arrival", request.environ[ARRIVAL])


def origin() -> Origin:
    """Give where the request at hand comes from, as the door found out."""
    return the_arrival().origin


def in_clear(view: View) -> View:
    """Mark a view that may be asked over plain HTTP from anywhere."""
    return _marked(view, in_clear=True)


def takes_body(
    admit: Admit, limit: Callable[[Settings], int], *, waits: bool = False
) -> Callable[[View], View]:
    """Have `admit` decide by the headers before a byte of the body is read.

    Args:
        admit: sees the request without its body. It raises ProblemError, or gives who sends the
            body.
        limit: bytes that the body may have.
        waits: ask `admit` in a thread; else it is asked in the event loop and must not wait.
    """
    return lambda view: _marked(view, admit=admit, limit=limit, waits=waits)


def answered_apart(view: View) -> View:
    """Mark a view that must be answered while all others wait: whoever asks how it goes."""
    return _marked(view, apart=True)


def answers_directly(view: Directly) -> View:
    """Mark a view that the door awaits by itself: what comes a thousand times a second.

    Flask has its URL and never calls it. It must not keep the event loop waiting.
    """
    return _marked(view, directly=view)


def _marked(view: View, **more: Any) -> View:
    view.entrance = entrance_of(view)._replace(**more)  # type: ignore[attr-defined]
    return view
