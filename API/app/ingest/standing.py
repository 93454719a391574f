"""How the backlog stands, as the process that writes shows it to those that serve requests.

It shows it in a file of the storage folder, which is there while the database is away.
"""

import contextlib
from pathlib import Path

import msgspec

FILE = "pendientes.json"


class Standing(msgspec.Struct):
    """What is in the log and not in the database; times are in seconds since 1970."""

    desde: float
    """Since when the database is away."""
    motivo: str
    """Why, as far as it says."""
    tope: int
    """How many reports there may be."""
    reportes: int = 0
    bytes: int = 0
    primero: float | None = None
    """When the first of them came."""
    volviendo: bool = False
    """Whether the database is back, and they are being brought in."""

    def is_full(self) -> bool:
        """Tell whether there is no room for another report."""
        return self.reportes >= self.tope

    def waiting(self) -> str:
        """Say how many reports wait."""
        return "1 report waits" if self.reportes == 1 else f"{self.reportes:,} reports wait"


def show(storage: Path, standing: Standing) -> None:
    """Let the others know; where the disk does not let us, they know it from before."""
    file = storage / FILE
    fresh = file.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        fresh.write_bytes(msgspec.json.encode(standing))
        fresh.rename(file)


def hide(storage: Path) -> None:
    """Let the others know that the database has everything."""
    with contextlib.suppress(OSError):
        (storage / FILE).unlink(missing_ok=True)


def standing_of(storage: Path) -> Standing | None:
    """Give how it stands; None where the database has everything."""
    try:
        return msgspec.json.decode((storage / FILE).read_bytes(), type=Standing)
    except FileNotFoundError:
        return None
