"""A moment in statements of SQLAlchemy's own.

Others give it as text, in the form in which SQLite has it (`createDB/postgresql/engine.py`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import TIMESTAMP, TypeDecorator


class WrittenMoment(TypeDecorator[datetime]):
    """A `datetime` that the driver gives as text."""

    impl = TIMESTAMP
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Read the text."""
        return None if value is None else datetime.fromisoformat(value)
