"""Who may do what only one may do at a time: locks that the database keeps for a connection.

They are PostgreSQL's advisory locks (https://www.postgresql.org/docs/current/explicit-locking.html
#ADVISORY-LOCKS): it takes them back when the connection ends, however that comes about.
"""

from enum import IntEnum

_OURS = 0x636F6D70 << 32
"""So that another program's locks in the same database are others: the letters "comp"."""


class Job(IntEnum):
    """What is done by one at a time."""

    BUILD = _OURS + 1
    """The tables are made or changed."""
    JUDGE = _OURS + 2
    """Reports are judged."""
    TELL = _OURS + 3
    """Alerts are sent."""
    CLEAN = _OURS + 4
    """What is past its days is removed."""
