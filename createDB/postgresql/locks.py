"""The advisory locks that the programs take: the number of each is its own.

"comp" in the upper half keeps them apart from other programs' locks. PostgreSQL takes a lock back
with the transaction or the connection that took it, however that ends
(https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
"""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """What is not done twice at a time."""

    BUILDING = 0x636F6D70_00000001
    """Making the tables."""
    JUDGING = 0x636F6D70_00000002
    TELLING = 0x636F6D70_00000003
    HOUSEKEEPING = 0x636F6D70_00000004
    MOVING = 0x636F6D70_00000006
    """Filling a database with what another holds."""
    ENROLLING = 0x636F6D70_00000010
    """Servers become known: so many in a minute, each identity once."""
    LOGGING_IN = 0x636F6D70_00000011
    """Attempts are counted before their passwords are looked at."""
    ACCOUNTS = 0x636F6D70_00000012
    """One administrator stays; nobody has more tokens than they may."""
    INVITING = 0x636F6D70_00000013
    """The first start makes the first enrolment secret."""
    FOLLOWING = 0x636F6D70_00000014
    """Alerts follow verdicts, exceptions and states of servers, which change in transactions of
    their own: two would not see each other's change. They read after this alone."""
    IMPORTING = 0x636F6D70_00000020
    """Bringing in reports with the numbers that they have."""


OF_NAMES = 0x636F6D70
"""The first of two numbers of the lock on a collector's own name; the other is the name's hash.
PostgreSQL keeps these apart from the locks that have one number."""
