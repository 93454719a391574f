"""What collectors are given, and how they say that a fact can't be told."""

from typing import NamedTuple

from boot import BootCache
from collectors.usernames import Usernames
from guest import Budget


class CannotTellError(Exception):
    """A fact could not be gathered: the reason, in one line that an operator understands."""


class Context(NamedTuple):
    """What outlives one gathering: the collector's URL, caches, the share of the processor."""

    url: str
    boot: BootCache
    usernames: Usernames
    budget: Budget
