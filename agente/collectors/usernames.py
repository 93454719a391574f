"""Names of user ids: the local file first, then the directory, once per user, bounded in time."""

import pwd
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deadline import Patience
from report import clean_text

PASSWD = Path("/etc/passwd")
PATIENCE = 5.0  # seconds that a directory may take out of one gathering
REST = 300.0  # seconds for which a directory that did not answer is left alone
KEPT = 3600.0  # seconds for which an answer of a directory is good


def parse_passwd(text: bytes) -> dict[int, str]:
    """Return uid -> name of the local users; the first line of a uid counts (passwd(5))."""
    names: dict[int, str] = {}
    for line in text.splitlines():
        parts = line.split(b":")
        if len(parts) > 3 and parts[0] and parts[2].isdigit():
            names.setdefault(int(parts[2]), clean_text(parts[0]))
    return names


def directory_name(uid: int) -> str | None:
    """Return a user's name through NSS (LDAP, SSSD, systemd...), None where it has none."""
    try:
        return clean_text(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return None


class Usernames:
    """uid -> name, for as long as the agent runs. A uid without a name is its number.

    The local file goes first, as in the nsswitch.conf of every distribution, and needs no thread.
    """

    def __init__(
        self,
        passwd: Path = PASSWD,
        directory: Callable[[int], str | None] = directory_name,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._passwd, self._directory, self._clock = passwd, directory, clock
        self._allowance, self._asking = patience, Patience(patience)
        self._local: dict[int, str] = {}
        self._version: tuple[int, ...] = ()
        self._known: dict[int, tuple[str | None, float]] = {}
        self._left, self._rest_until = patience, 0.0

    def begin(self) -> None:
        """Start a gathering: read the local file again if it changed, forgive the directory.

        While it can't be read, what it said last stands: that renames nobody.
        """
        self._left = self._allowance
        with suppress(OSError):
            status = self._passwd.stat()
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            if version != self._version:
                self._local = parse_passwd(self._passwd.read_bytes())
                self._version = version

    def __call__(self, uid: int) -> str:
        """Return the name of a user, the number as text where it has none."""
        return self._local.get(uid) or self._from_directory(uid) or str(uid)

    def _from_directory(self, uid: int) -> str | None:
        name, until = self._known.get(uid, (None, 0.0))
        start = self._clock()
        if until > start or self._left <= 0 or self._rest_until > start:
            return name
        try:
            return self._asking.call("directorio", lambda: self._ask(uid), self._left)
        except (TimeoutError, OSError):
            self._rest_until = self._clock() + REST
            return name  # the last one known: a directory that is down renames nobody
        finally:
            self._left -= self._clock() - start

    def _ask(self, uid: int) -> str | None:
        """Ask the directory and keep its answer, even one that comes after the deadline."""
        name = self._directory(uid)
        self._known[uid] = (name, self._clock() + KEPT)
        return name
