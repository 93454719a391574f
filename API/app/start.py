"""Starts the collector, and says in one line what stands in its way."""

import os
import sys

from API.app.at_rest import protect
from API.app.commands import list_of_commands
from API.app.commands.secret import introduce
from API.app.door.certificates import CertificateError, prepare
from API.app.pulse import supervisor_in
from API.app.server import AddressInUseError, ServingEndedError, StartError, serve
from API.app.settings import Settings, load_settings
from API.app.storage import lock_database, lock_storage
from createDB.engine import database_file, open_engine
from createDB.state import ready

HANDOVER_S = 3
"""How long a collector that was just killed may take to let go of its folder, in seconds."""


def start(arguments: list[str]) -> int:
    """Run the collector until it is stopped.

    Returns:
        0 after a stop that was asked for, 1 after one that was not, 2 where the start is refused.

    Raises:
        AtRestError, DatabaseUnusableError, OSError, SettingsError, StorageInUseError: as well.
    """
    settings = load_settings(arguments, epilog=list_of_commands())
    try:
        check_start(settings)
        introduce(settings, into_journal())
        serve(settings, supervisor_in(os.environ, os.getpid()))
    except (AddressInUseError, CertificateError, StartError) as error:
        print(f"init_app.py: {error}", file=sys.stderr)
        return 2
    except ServingEndedError as error:
        print(f"init_app.py: {error}", file=sys.stderr)
        return 1
    return 0


def check_start(settings: Settings) -> None:
    """Find out what would stop the worker, while one line can still say so."""
    file = database_file(settings.database)
    with lock_storage(settings.storage, HANDOVER_S):
        protect(settings.storage, file, settings.group)
        engine = open_engine(settings.database, checkpoints=False)
        ready(engine)
        engine.dispose()
        if settings.tls:
            prepare(settings)
        if file:
            lock_database(file, HANDOVER_S).close()
        else:
            from API.app.claim import claim, tell_on_terminal  # psycopg, which SQLite needs not

            claim(settings, tell_on_terminal).close()


def into_journal() -> bool:
    """Tell whether what is printed is kept in systemd's journal (systemd.exec(5))."""
    output = os.fstat(sys.stdout.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{output.st_dev}:{output.st_ino}"
