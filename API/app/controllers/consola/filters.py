"""How values are written on the console's pages."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Flask, request
from jinja2 import pass_context
from jinja2.runtime import Context

from API.app.words import number_text, share_text

UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""What is not seen, or changes how the text around it is seen: names that pass for others."""
LOST = re.compile("^ | $|(?<= ) ")
"""Spaces that a browser leaves out."""


def register(app: Flask) -> None:
    """Give the templates of `app` these filters."""
    app.jinja_env.filters |= {
        "moment": moment,
        "iso": iso,
        "instant": instant,
        "date_field": date_field,
        "visible": visible,
        "visible_json": visible_json,
        "number": _in_language(number_text),
        "share": _in_language(share_text),
    }
    app.jinja_env.globals["with_args"] = with_args


def moment(value: datetime | str | int) -> str:
    """Write a moment for people: in UTC, which a script of ours turns into their own time."""
    return f"{_as_utc(value):%Y-%m-%d %H:%M} UTC"


def iso(value: datetime | str | int) -> str:
    """Write a moment for a script."""
    return _as_utc(value).isoformat(timespec="seconds")


def instant(value: datetime | str | int) -> str:
    """Write a moment for an address, to the millisecond."""
    text = _as_utc(value).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text.removesuffix('.000')}Z"


def date_field(value: datetime | str | int) -> str:
    """Write a moment for a date field, which has no offset: in UTC, and not before the moment."""
    whole = _as_utc(value) + timedelta(microseconds=999_999)
    return f"{whole:%Y-%m-%dT%H:%M:%S}"


def visible(text: str) -> str:
    r"""Write what is not seen in a text as its number, such as \u202e."""
    return LOST.sub(r"\\u0020", visible_json(text))


def visible_json(text: str) -> str:
    """Do the same in a line of JSON, which says the same afterwards; its spaces stay."""
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def with_args(**changes: Any) -> str:
    """Give the address of this page with other parameters; None leaves one out."""
    arguments = {**request.args.to_dict(), **changes}
    query = urlencode({name: value for name, value in arguments.items() if value not in (None, "")})
    return f"{request.path}?{query}" if query else request.path


def _as_utc(value: datetime | str | int) -> datetime:
    """Take a moment as the database has it, which is in UTC, or as ISO 8601."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC)
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _in_language(write: Callable[[Any, str], str]) -> Callable[[Context, Any], str]:
    @pass_context
    def written(context: Context, value: Any) -> str:
        return write(value, context["language"])

    return written
