"""The report: its shape, how it is put together and written down (design, section 2)."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = Path(__file__).with_name("VERSION").read_text("ascii").strip()
LONGEST_TEXT = 4096

Report = dict[str, Any]


def to_bytes(text: str) -> bytes:
    """Return the bytes that a text of the system stood for; any other surrogate as three bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def clean_text(value: str | bytes) -> str:
    r"""Return value as the contract wants text: Unicode without NUL, at most 4,096 characters.

    Bytes that are not UTF-8 become ``\xNN``, whether they come as bytes or as the lone surrogates
    that Python reads them into (PEP 383).
    """
    data = value if isinstance(value, bytes) else to_bytes(value)
    return data.decode("utf-8", "backslashreplace").replace("\0", "\\x00")[:LONGEST_TEXT]


def uuid_text(number: int, version: int) -> str:
    """Return 128 bits as a UUID of that version (RFC 9562, section 4); ``uuid`` costs 10 ms."""
    number = number & ~(0xF000 << 64) | version << 76
    number = number & ~(0xC000 << 48) | 0x8000 << 48
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def random_uuid() -> str:
    """Return a random UUID (version 4)."""
    return uuid_text(int.from_bytes(os.urandom(16), "big"), 4)


def report_uuid(milliseconds: int | None = None) -> str:
    """Return a UUID whose first 48 bits are the time (version 7; RFC 9562, section 5.7)."""
    now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    return uuid_text((now & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big"), 7)


def to_the_second(moment: float) -> str:
    """Return seconds since 1970 as RFC 3339 in UTC: 2026-11-01T06:00:01Z."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def assemble(
    facts: Report,
    errors: dict[str, str],
    *,
    identity: str | None,
    dropped: int,
    interval: float | None,
) -> Report:
    """Return the report of these facts, gathered now.

    ``errors`` maps a field to why it could not be gathered, ``dropped`` is how many reports this
    installation's spool has had to drop, ``interval`` is in seconds, None for a single run.
    """
    report = {
        **facts,
        "fecha_hora": datetime.now(UTC).isoformat(timespec="microseconds"),
        "id_agente": identity,
        "id_reporte": report_uuid(),
        "version_agente": VERSION,
        "pid_agente": os.getpid(),
        "descartados": dropped,
        "errores": {field: clean_text(reason) for field, reason in errors.items()},
    }
    return report if interval is None else {**report, "intervalo": interval}


def encode(report: Report) -> bytes:
    """Return the report as it is kept and sent: JSON in UTF-8, gzipped."""
    import gzip  # only what is kept or sent is packed

    text = json.dumps(report, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), 6, mtime=0)


def decode(body: bytes) -> Report:
    """Return the report in what encode() gave. Raises ValueError when it is not one."""
    import gzip
    import zlib

    try:
        report = json.loads(gzip.decompress(body))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise ValueError(f"no es un reporte comprimido: {error}") from error
    if not isinstance(report, dict):
        raise ValueError("no es un objeto JSON")  # noqa: TRY004 - damaged content, not a bug
    return report


def owner(body: bytes) -> str:
    """Return the identity in what encode() gave. Raises ValueError when it is no report."""
    return str(decode(body).get("id_agente"))


def readdress(body: bytes, identity: str) -> bytes:
    """Return a report as that of another identity. Raises ValueError when it is not one."""
    return encode({**decode(body), "id_agente": identity})


def show(report: Report) -> str:
    """Return the report for people to read: JSON, indented, a line for each process."""
    return json.dumps(report, ensure_ascii=False, indent=2)
