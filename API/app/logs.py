"""The program's own log: one line an event on standard error, `key=value`, values quoted.

What an agent sent never makes a line of its own: line breaks in a value are escaped.
"""

import logging
import sys

import structlog


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
