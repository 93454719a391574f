"""What `init_app.py` does: starts the collector, or runs one of its commands."""

import os
import sys

from API.app.at_rest import UMASK, AtRestError
from API.app.commands import is_command, run_command
from API.app.logs import configure_logs
from API.app.memory import importing
from API.app.settings import SettingsError
from API.app.storage import StorageInUseError
from createDB.errors import DatabaseUnusableError

REFUSED = (AtRestError, SettingsError, DatabaseUnusableError, StorageInUseError)


def main(arguments: list[str]) -> int:
    """Run until stopped, or until the command is done.

    Returns:
        0 after a stop that was asked for, 1 after one that was not, 2 where the start is refused;
        of a command its own, and 2 where it is refused.
    """
    configure_logs()
    os.umask(UMASK)
    try:
        if is_command(arguments):
            return run_command(arguments)
        with importing():  # of what commands do not need
            from API.app.start import start

        return start(arguments)
    except REFUSED as error:
        print(f"init_app.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"init_app.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
