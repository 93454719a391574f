"""How much a report may be that is otherwise right: so many items, so deep, so long its texts.

Judged here and not by the wire model, which recovery reads the JSON log with: what was taken once
stays readable when a limit is lowered.
"""

import re
from collections.abc import Callable
from itertools import accumulate

import msgspec

from API.app.ingest.entry import Entry
from API.app.ingest.intake import Received
from API.app.report import MAX_PROBLEMS, InvalidReportError
from API.app.settings import Settings

MAX_FIELD_NAME = 100
"""Characters of a field's name that an answer repeats."""

_escape = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)")
_string = re.compile(rb'"[^"]*"')
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def require_within(settings: Settings, entry: Entry | Received) -> None:
    """Refuse a report of which something is too much.

    Raises:
        InvalidReportError: with everything that is, by its path.
    """
    most = {
        "procesos": settings.processes_of_report,
        "usuarios_activos": settings.sessions_of_report,
    }
    problems = [
        f"$.{field}: expected array of length <= {limit}"
        for field, limit in most.items()
        if len(entry.lists[field].pids) > limit
    ]
    if not entry.report.only_known_fields:
        problems += _unknown_beyond(settings, entry)
    if problems:
        raise InvalidReportError(problems[:MAX_PROBLEMS])


def _unknown_beyond(settings: Settings, entry: Entry | Received) -> list[str]:
    """Name the fields in which something is too deep or too long: those that nobody checked."""
    problems = []
    # What costs no more than a look at its length or its brackets tells most reports apart.
    if _has_more_brackets(entry) and depth_of(entry.body) > settings.nesting:
        places = _places(entry.body, lambda value: depth_of(value) >= settings.nesting)
        problems += [f"{place}: nested deeper than {settings.nesting}" for place in places]
    if len(entry.body) > settings.text and longest_text(entry.body) > settings.text:
        places = _places(entry.body, lambda value: longest_text(value) > settings.text)
        problems += [f"{place}: expected str of length <= {settings.text}" for place in places]
    return problems


def _has_more_brackets(entry: Entry | Received) -> bool:
    """Tell whether there are brackets besides those of the fields that we know: three deep."""
    objects = 1 + sum(len(items.pids) for items in entry.lists.values())
    objects += entry.report.errores is not None
    return entry.body.count(b"{") > objects or entry.body.count(b"[") > len(entry.lists)


def depth_of(text: bytes) -> int:
    """Tell how deep objects and arrays stand in each other in a JSON text; 0 without any."""
    # Two quotes that meet leave everything else inside or outside of a string as it was.
    brackets = _without_escapes(text).translate(None, _OTHERS).replace(b'""', b"")
    return max(accumulate(map(_STEP.__getitem__, _string.sub(b"", brackets))), default=0)


def longest_text(text: bytes) -> int:
    """Tell how many characters the longest string of a JSON text has, keys included."""
    return max(map(len, _without_escapes(text).decode().split('"')[1::2]), default=0)


def _without_escapes(text: bytes) -> bytes:
    """Put one character in the place of each escape, so that a quote is the end of a string."""
    return _escape.sub(b"_", text) if b"\\" in text else text


def _places(body: bytes, too_much: Callable[[bytes], bool]) -> list[str]:
    """Give the paths of a report's fields in which something is too much.

    `$` where it is in a name, or in what another field of the same name has replaced.
    """
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    wrong = [name for name, value in fields.items() if too_much(bytes(value))]
    return [f"$.{name[:MAX_FIELD_NAME]}" for name in wrong] or ["$"]
