"""Certificates change while the collector serves: it notices, and serves with the new one."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from API.app.door.certificates import CertificateError, files_in_use, prepare
from API.app.settings import Settings

log = structlog.get_logger()

LOOK_S = 1.0
"""How often the files are looked at, in seconds."""

HOUR = timedelta(hours=1)
"""How often this host's names and addresses are compared with those in the certificate."""

NOTICE_DAYS = 14
"""How long before its end a given certificate is announced, each day."""

Stamp = tuple[int, int, int] | None


class Renewal:
    """Keeps the certificate valid, and calls `changed` when there is another to serve with."""

    def __init__(self, settings: Settings, changed: Callable[[], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._stopping = threading.Event()
        self._seen = self._stamp()
        self._announced = NOTICE_DAYS
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = datetime.now(UTC)
        while not self._stopping.wait(LOOK_S):
            stamp = self._stamp()
            if stamp == self._seen and datetime.now(UTC) < due:
                continue
            due = min(self._look(), datetime.now(UTC) + HOUR)

    def _look(self) -> datetime:
        """Prepare the certificate, have it served where it is another; give when to look again."""
        try:
            due = prepare(self._settings)
        except (CertificateError, OSError) as error:
            log.error("the certificate cannot be used; serving with the one before", why=str(error))
            self._seen = self._stamp()
            return datetime.now(UTC) + HOUR
        if self._settings.tls_cert:
            self._announce(due)
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            log.info("serving with another certificate")
            self._changed()
        return max(due, datetime.now(UTC) + timedelta(seconds=LOOK_S))

    def _announce(self, end: datetime) -> None:
        """Say that a given certificate, which only its operator can renew, ends soon."""
        days = (end - datetime.now(UTC)).days
        if days < NOTICE_DAYS and days != self._announced:
            log.warning("the certificate ends soon and has to be renewed", days=days, end=str(end))
        self._announced = days

    def _stamp(self) -> tuple[Stamp, ...]:
        """Give what changes when one of the files does."""
        return tuple(_stamp(file) for file in files_in_use(self._settings))


def _stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
