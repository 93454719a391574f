"""The file with which this machine's own people read over HTTP: who may open it, may read.

Its permissions are the database's: whoever may open that may read the same through the API, and no
other user of the machine, though all of them reach loopback. Like Tor's and Bitcoin's cookie files
it is made anew by every start. It holds a header: `curl -H @FILE` keeps it off the command line.
"""

import os
from pathlib import Path

from API.app.accounts.credentials import local_secret

NAME = "acceso-local"
MODE = 0o640


def write_local_access(storage: Path, key: bytes) -> None:
    """Write the file into the folder `storage`, for the run whose processes share `key`."""
    file = storage / NAME
    partial = file.with_name(f".{NAME}.parcial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        os.write(descriptor, f"Authorization: Bearer {local_secret(key)}\n".encode())
    finally:
        os.close(descriptor)
    partial.rename(file)


def remove_local_access(storage: Path) -> None:
    """Remove the file: nobody answers to it any more."""
    (storage / NAME).unlink(missing_ok=True)
