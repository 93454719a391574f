"""Who this installation is: an id made on its first run, bound to the machine it was made on."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import durable
from report import random_uuid
from settings import Collector

FILE = "identidad.json"
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Identity(NamedTuple):
    """An installation's id, the machine-id it was made on ("" where there was none)."""

    id_agente: str
    machine_id: str


def parse_machine_id(text: str) -> str:
    """Return 32 hex digits, or "": 'uninitialized' is no identity (machine-id(5))."""
    text = text.strip().lower()
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""


def read_machine_id(files: tuple[Path, ...] = MACHINE_ID_FILES) -> str:
    """Return this machine's id, "" where it has none, as in many containers."""
    for file in files:
        try:
            found = parse_machine_id(file.read_text("ascii", "replace"))
        except OSError:
            continue
        if found:
            return found
    return ""


def parse_identity(text: str) -> Identity:
    """Return the identity kept in text. Raises ValueError when it is damaged."""
    kept = json.loads(text)
    if not isinstance(kept, dict) or not UUID.fullmatch(str(kept.get("id_agente"))):
        raise ValueError("no tiene un id_agente")
    return Identity(kept["id_agente"], parse_machine_id(str(kept.get("machine_id"))))


def is_clone(kept: Identity, machine_id: str) -> bool:
    """Tell whether a kept identity was made on another machine.

    A machine without an id, as many containers are, can't be told from another: it keeps its own.
    """
    return bool(kept.machine_id and machine_id and kept.machine_id != machine_id)


def keep(state: Path, machine_id: str, id_agente: str = "") -> Identity:
    """Write an identity, a new one unless given, to the state folder. Raises OSError."""
    made = Identity(id_agente or random_uuid(), machine_id)
    durable.write(state / FILE, (json.dumps(made._asdict()) + "\n").encode())
    return made


def read(state: Path) -> Identity | None:
    """Return the identity in the state folder, None where there is none to be read."""
    try:
        return parse_identity((state / FILE).read_text("utf-8", "replace"))
    except (OSError, ValueError):
        return None


def load(state: Path, machine_id: str) -> tuple[Identity, str]:
    """Return this installation's identity, made if needed, and what to tell the operator, if any.

    A damaged file is kept aside for people to look at. Raises OSError.
    """
    file = state / FILE
    try:
        kept = parse_identity(file.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return keep(state, machine_id), ""
    except ValueError as error:
        aside = file.with_name("identidad-dañada.json")
        file.replace(aside)
        made = keep(state, machine_id)
        return made, (
            f"{file} está dañado ({error}): queda en {aside.name}; nueva identidad {made.id_agente}"
        )
    if is_clone(kept, machine_id):
        made = keep(state, machine_id)
        return made, (
            f"este disco es copia del de otra máquina: "
            f"nueva identidad {made.id_agente} en lugar de {kept.id_agente}"
        )
    if machine_id and not kept.machine_id:
        kept = Identity(kept.id_agente, machine_id)
        durable.write(file, (json.dumps(kept._asdict()) + "\n").encode())
    return kept, ""


def ranked(id_agente: str, collectors: Sequence[Collector]) -> list[Collector]:
    """Return collectors in the order in which an installation turns to them.

    By rendezvous hashing (Thaler and Ravishankar, 1998): a fleet divides evenly, so do those of a
    collector that is away over the others, and one more collector moves its own share alone.
    """
    if len(collectors) == 1:
        return list(collectors)
    from hashlib import sha256  # 1 ms that most agents can do without

    return sorted(collectors, key=lambda c: sha256(f"{id_agente} {c.url}".encode()).digest())
