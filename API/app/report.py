"""The wire model: what an agent POSTs to `/servers`, checked while it is decoded.

The contract is `tests/contract/report.schema.json`; unknown fields are allowed and ignored here
(the JSON log keeps them). Nothing in this module does I/O.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

MAX_NAME = 4_096
MAX_PROBLEMS = 100
"""Wrong fields that one answer names; the rest are wrong in the same way."""

Text = Annotated[str, Meta(max_length=MAX_NAME)]
Pid = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]

NAMESPACE = uuid.UUID("6f1d7f0e-6a53-4b7f-9a0c-7d1b8a5f2e90")
"""Under which identities are derived (UUIDv5) for agents that send none."""


class Process(Struct, gc=False):
    """One process of a report."""

    pid: Pid
    name: Text
    username: Text | None = None
    inicio: Moment | None = None


class Session(Struct, gc=False):
    """One session of a report."""

    name: Text
    pid: Pid | None = None


class Report(Struct):
    """One report: the seed's eight fields, then what our own agent adds."""

    only_known_fields: ClassVar[bool] = False
    """Whether its JSON text is known to have no field but those that stand here."""

    arquitectura_proc: Text
    marca_proc: Text
    nombre_so: Text
    version_so: Text
    ipaddress: Text
    fecha_hora: datetime
    procesos: list[Process]
    usuarios_activos: list[Session]
    id_agente: uuid.UUID | None = None
    id_reporte: uuid.UUID | None = None
    hostname: Text | None = None
    distribucion: Text | None = None
    version_distribucion: Text | None = None
    nucleo: Text | None = None
    id_arranque: Text | None = None
    arranque: Moment | None = None
    intervalo: Annotated[float, Meta(gt=0, le=366 * 86_400)] | None = None
    version_agente: Text | None = None
    pid_agente: Pid | None = None
    descartados: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    errores: dict[Text, Text] | None = None


class _KnownProcess(Process, forbid_unknown_fields=True, gc=False):
    """A process without unknown fields."""


class _KnownSession(Session, forbid_unknown_fields=True, gc=False):
    """A session without unknown fields."""


class _KnownReport(Report, forbid_unknown_fields=True):
    """A report without unknown fields, as most are: whatever it says has been looked at."""

    procesos: list[_KnownProcess]  # type: ignore[assignment]
    usuarios_activos: list[_KnownSession]  # type: ignore[assignment]
    only_known_fields: ClassVar[bool] = True


class InvalidReportError(ValueError):
    """The body is not a report. `problems` says why, each as `$.path: reason`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


_decoder = msgspec.json.Decoder(Report)
_known_decoder = msgspec.json.Decoder(_KnownReport)

# A JSON escape for NUL or for one half of a surrogate pair alone. It also finds the harmless, an
# escaped backslash before 'u0000'; `_refuse_forbidden_text` then looks at the decoded strings.
_suspect_escape = re.compile(
    rb"\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_forbidden = re.compile("[\0\ud800-\udfff]")


def decode_report(body: bytes) -> Report:
    """Decode and check the JSON text `body` in one pass.

    Raises:
        InvalidReportError: with every wrong field by its path.
    """
    try:
        return _decode(body)
    except UnicodeDecodeError as error:
        raise InvalidReportError([f"$: invalid UTF-8 at byte {error.start}"]) from None
    except RecursionError:
        raise InvalidReportError(["$: nested too deeply"]) from None
    except OverflowError:
        raise InvalidReportError(["$.fecha_hora: not between years 1 and 9999 in UTC"]) from None
    except msgspec.DecodeError as error:
        raise InvalidReportError([f"$: {error}"]) from None


def _decode(body: bytes) -> Report:
    # Looking for one byte takes a fiftieth of the time that looking for two takes.
    if b"\\" in body and _suspect_escape.search(body):
        _refuse_forbidden_text(body)
    try:
        report: Report = _known_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        report = _decode_any(body)
    report.fecha_hora = _as_utc(report.fecha_hora)
    _refuse_far_moments(report)
    return report


def _decode_any(body: bytes) -> Report:
    """Decode a report with unknown fields, or find out what is wrong with it."""
    body.decode()  # msgspec does not look into the strings of fields that it skips
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidReportError(_problems_of(body) or [_worded(str(error))]) from None


def _refuse_far_moments(report: Report) -> None:
    """Refuse moments that an offset could carry out of the years that there are."""
    problems = [
        f"$.procesos[{index}].inicio: not between years 2 and 9998"
        for index, process in enumerate(report.procesos)
        if _is_far(process.inicio)
    ]
    if _is_far(report.arranque):
        problems.append("$.arranque: not between years 2 and 9998")
    if problems:
        raise InvalidReportError(problems[:MAX_PROBLEMS])


def _is_far(moment: datetime | None) -> bool:
    return moment is not None and not 1 < moment.year < 9999


def agent_of(report: Report) -> str:
    """Give the identity of who reports: its own, or one derived from its address."""
    return str(report.id_agente or uuid.uuid5(NAMESPACE, report.ipaddress))


def identity_of(report: Report, body: bytes) -> str:
    """Give the identity of the report: its own, or one derived from address, time and content."""
    if report.id_reporte:
        return str(report.id_reporte)
    content = hashlib.sha256(body).hexdigest()
    return str(
        uuid.uuid5(NAMESPACE, f"{report.ipaddress}|{report.fecha_hora.isoformat()}|{content}")
    )


def _as_utc(moment: datetime) -> datetime:
    """Give `moment` in UTC without an offset; a moment without one is UTC already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _worded(message: str) -> str:
    """Turn msgspec's 'Expected `int` - at `$.pid`' into '$.pid: expected int'."""
    reason, _, path = message.replace("`", "").partition(" - at ")
    return f"{path or '$'}: {reason[0].lower()}{reason[1:]}"


def _problems_of(body: bytes) -> list[str]:
    """Name every wrong field of a body that is JSON but not a report."""
    found = []
    for problem in _walk_struct(msgspec.json.decode(body), Report, "$"):
        found.append(problem)
        if len(found) == MAX_PROBLEMS:
            break
    return found


def _walk_struct(value: Any, kind: type[Struct], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected object, got {_json_type(value)}"
        return
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        where = f"{path}.{field.name}"
        if field.name in value:
            yield from _walk(value[field.name], hints[field.name], where)
        elif field.required:
            yield f"{where}: missing"


def _walk(value: Any, kind: Any, path: str) -> Iterator[str]:
    items = get_args(kind)
    if isinstance(value, list) and items and isinstance(items[0], type(Struct)):
        for index, item in enumerate(value):
            yield from _walk_struct(item, items[0], f"{path}[{index}]")
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield _worded(str(error)).replace("$", path, 1)


def _json_type(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str", list: "array"}
    return names.get(type(value), "null")


def _refuse_forbidden_text(body: bytes) -> None:
    """Find NUL and lone surrogates, in keys and values, unknown fields included."""
    try:
        value = json.loads(body, parse_int=str)
    except json.JSONDecodeError as error:
        raise InvalidReportError([f"$: {error}"]) from None
    if not any(_forbidden.search(text) for text in _texts(value)):
        return  # paths, which take most of the time, are made for a report that is wrong
    wrong = (path for path, text in _strings(value) if _forbidden.search(text))
    problems = [f"{path}: NUL and lone surrogates are not text" for path in wrong]
    raise InvalidReportError(problems[:MAX_PROBLEMS])


def _texts(value: Any) -> Iterator[str]:
    """Give every string in `value`, keys included."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            yield from item
            pending.extend(item.values())


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Give every string in `value` with its path; no recursion, for deep input."""
    pending: list[tuple[str, Any]] = [("$", value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, list):
            pending.extend((f"{path}[{index}]", child) for index, child in enumerate(item))
        elif isinstance(item, dict):
            for key, child in item.items():
                if _forbidden.search(key):
                    yield f"{path}.{ascii(key)[1:-1]}", key
                else:
                    pending.append((f"{path}.{key}", child))
