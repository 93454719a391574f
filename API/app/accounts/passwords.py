"""Passwords: which are good enough, how they are kept, whether one is right."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from API.app.errors import OverloadedError
from API.app.words import SpokenError

MIN_LENGTH = 12
MAX_LENGTH = 1_024
"""Characters. NIST SP 800-63B asks for length and against rules about digits and signs."""

AT_ONCE = 2
"""Passwords that one process checks at a time: each takes 64 MiB and some 50 ms."""

PATIENCE_S = 5.0

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_turns = threading.BoundedSemaphore(AT_ONCE)


def require_strong(password: str, name: str) -> None:
    """Refuse a password that would soon be guessed.

    Raises:
        SpokenError: it is one.
    """
    if len(password) < MIN_LENGTH:
        raise SpokenError("password_short", least=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise SpokenError("password_long", most=MAX_LENGTH)
    rest = password.lower().replace(name, "")
    if len(set(rest)) < MIN_LENGTH // 2:
        raise SpokenError("password_guessable")


def hashed(password: str) -> str:
    """Hash a password with argon2id and the second set of parameters of RFC 9106."""
    return _hasher.hash(_bytes(password))


def is_right(password: str, kept: str | None) -> bool:
    """Tell whether `password` is the one that was `kept`.

    Args:
        password: as somebody typed it.
        kept: its hash; None where there is no such account, which takes as long to find out.

    Raises:
        OverloadedError: too many are being checked.
    """
    if len(password) > MAX_LENGTH:
        password = ""  # nobody's
    kept_or_nobodys = kept or _nobodys()
    if not _turns.acquire(timeout=PATIENCE_S):
        raise OverloadedError("too many passwords are being checked; try again")
    try:
        _hasher.verify(kept_or_nobodys, _bytes(password))
    except VerifyMismatchError:
        return False
    finally:
        _turns.release()
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    """A form can hold what is not Unicode; it is hashed like everything else."""
    return password.encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    return hashed("")
