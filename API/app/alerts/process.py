"""The process that tells people what is new.

A process of its own, so that a channel that hangs delays neither reports nor judging. All it has to
do is in the database: should it die, another goes on. A message may then arrive twice, with the
same identity; none is lost (docs/adr/0018-alerts-are-an-outbox.md).

It has the least to do, and copies what is known of who reports beside that (`API/app/lately.py`).
"""

import signal
from contextlib import closing
from multiprocessing.connection import Connection

import structlog

from API.app.lately import Copier
from API.app.logs import configure_logs
from API.app.settings import Settings, SettingsError

log = structlog.get_logger()

PAUSE_S = 0.5
"""Between two looks, in seconds."""


def tell(settings: Settings, parent: Connection) -> None:
    """Tell people what is new until `parent` is closed from the other end."""
    from API.app.alerts.file import Watched
    from API.app.alerts.sender import Sender  # which no other process has use for

    configure_logs()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        watched = Watched(settings.alerts)
    except SettingsError as error:
        log.error("alerts cannot be sent", reason=str(error))
        raise SystemExit(2) from None
    sender = Sender(settings.database, watched)
    parent.send("ready")
    with closing(sender), Copier(settings.database, settings.storage):
        while not parent.poll(PAUSE_S):  # nothing is ever sent: it was closed
            sender.step()
