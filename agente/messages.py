"""What the agent tells its operator: one line each, on standard error, in Spanish."""

import sys
from contextlib import suppress


def one_line(text: object) -> str:
    """Return text as one printable line: what a collector answers must not forge log lines."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(text))


def say(text: str) -> None:
    """Write one line to standard error, which systemd and cron keep with their own time stamp.

    Where it can't be written (a full disk, a pipe that nobody reads), the agent goes on without.
    """
    if sys.stderr is not None:  # as it is where it was closed before the start
        with suppress(OSError):
            print(f"agente: {one_line(text)}", file=sys.stderr, flush=True)


def why(error: BaseException) -> str:
    """Return an error as an operator reads it: the system's own words where there are any."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return one_line(f"{error.strerror}{place}")
    return one_line(str(error) or type(error).__name__)
