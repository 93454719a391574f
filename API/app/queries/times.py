"""Moments: milliseconds since 1970 in the periods, text elsewhere."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_ms(milliseconds: int) -> str:
    """Write a moment of the periods as ISO 8601 with offset."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds")


def as_ms(moment: datetime) -> int:
    """Give a moment with an offset in milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def now_ms() -> int:
    """Tell the time in milliseconds since 1970."""
    return as_ms(datetime.now(UTC))


def with_offset(text: str | None) -> str | None:
    """Write a moment of the other tables, which is UTC, as ISO 8601 with offset."""
    return None if text is None else text.replace(" ", "T") + "+00:00"
