"""The program's own log: one line an event on standard error, `key=value`, values quoted.

What an agent sent never makes a line of its own: line breaks in a value are escaped.
"""

import logging
import sys
import time

import structlog

log = structlog.get_logger()

AGAIN_S = 60.0
"""After how long a warning is repeated, in seconds, while nothing has changed."""


def configure_logs() -> None:
    """Set up the log for this process and for those it starts."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    # What it warns of follows from an error that it raises, and which is told of in our words.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


class Trouble:
    """Warns of what fails each time that it is tried: at first, and then once a minute."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._due = 0.0

    def met(self, reason: str) -> None:
        """Tell of a failure, if it is time to."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + AGAIN_S
            log.warning(self._event, reason=reason)

    def was_told(self) -> None:
        """Tell of no failure for a while: something else told of it."""
        self._due = time.monotonic() + AGAIN_S

    def over(self) -> None:
        """Tell of the next failure at once."""
        self._due = 0.0
