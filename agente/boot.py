"""Facts that hold until the next boot, kept in the state folder under the kernel's boot_id."""

import json
import time
from pathlib import Path

import durable
from messages import say, why

FILE = "arranque.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SAME_BOOT_TIME = 5  # seconds; see steady_boot_time


def read_boot_id(file: Path = BOOT_ID) -> str:
    """Return the kernel's id of this boot (random(4)), "" where there is none."""
    try:
        return file.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def read_boot_time() -> int:
    """Return when this machine booted, in seconds since 1970: the clock less the uptime.

    It is what the kernel calls ``btime`` in /proc/stat, without reading that long file.
    """
    return int(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


def steady_boot_time(kept: object, now: int) -> int:
    """Return the boot time to go by: the kept one, unless the clock was set since.

    Computed anew it is now and then a second off, and every process would seem to have started
    at another moment: a change that never was.
    """
    if isinstance(kept, int) and abs(kept - now) <= SAME_BOOT_TIME:
        return kept
    return now


class BootCache:
    """A few facts by name, valid for one boot. Trouble with its file is said once, never raised."""

    def __init__(self, state: Path, boot_id: str) -> None:
        self.boot_id = boot_id
        self._file = state / FILE
        self._facts = self._read()

    def _read(self) -> dict[str, object]:
        try:
            facts = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        if not self.boot_id or not isinstance(facts, dict):
            return {}
        return facts if facts.get("id_arranque") == self.boot_id else {}

    def get(self, name: str) -> object:
        """Return the fact of that name, None when it is not known for this boot."""
        return self._facts.get(name)

    def put(self, name: str, value: object) -> None:
        """Keep a fact until the next boot; only in memory where the state can't be written."""
        if self._facts.get(name) == value:
            return
        self._facts = {**self._facts, "id_arranque": self.boot_id, name: value}
        try:
            durable.write(self._file, json.dumps(self._facts).encode())
        except OSError as error:
            say(f"no puedo guardar {self._file.name}: {why(error)}")

    def boot_time(self) -> int:
        """Return when this machine booted, the same all through a boot (seconds since 1970)."""
        moment = steady_boot_time(self.get("arranque"), read_boot_time())
        self.put("arranque", moment)
        return moment
