"""What lets this installation in: the token that the collector knows it by, and one on its way.

Both are files of the state folder, for its owner alone: ``token`` is in force, ``alta.json`` is
what is being registered. It stands there before it is sent, so that a crash, or an answer that was
lost, leaves nothing that can't be asked again.
"""

import base64
import json
import os
import stat
from pathlib import Path
from typing import NamedTuple

import durable
import identity
from identity import UUID, Identity
from settings import SettingsError

TOKEN = "token"  # noqa: S105 - the file's name
PENDING = "alta.json"
TOKEN_BYTES = 32


class CredentialsError(SettingsError):
    """A file with a credential is not as it has to be: one line that names it and says why."""


class Credential(NamedTuple):
    """A token, and the identity that reports with it."""

    id_agente: str
    token: str


class Pending(NamedTuple):
    """A credential that is being registered, and the identity that it is made for or replaces."""

    id_agente: str
    token: str
    de: str


def new_token() -> str:
    """Return 256 random bits as text that can stand in a header."""
    return base64.urlsafe_b64encode(os.urandom(TOKEN_BYTES)).rstrip(b"=").decode()


def read_private(file: Path) -> bytes | None:
    """Return what is in a file that only its owner may have to do with; None where there is none.

    Raises CredentialsError when others may read it, or it is somebody else's or no file.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialsError(f"{file}: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as opened:
        require_private(file, os.fstat(descriptor))
        return opened.read(4096)


def require_private(file: Path, found: os.stat_result) -> None:
    """Raise CredentialsError unless a file is ours and nobody else may read or write it."""
    if not stat.S_ISREG(found.st_mode):
        raise CredentialsError(f"{file}: no es un archivo")
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        raise CredentialsError(f"{file}: es de otro usuario")
    if found.st_mode & 0o077:
        raise CredentialsError(f"{file}: lo pueden leer otros; tiene que ser sólo suyo (chmod 600)")


def parse(data: bytes | None, kind: type[Credential] | type[Pending]) -> tuple[str, ...] | None:
    """Return the fields of a credential written in data; None when it is damaged or missing."""
    try:
        kept = json.loads(data or b"")
        made = kind(**kept)
    except (ValueError, TypeError):
        return None
    whole = all(isinstance(value, str) for value in made) and made.token.isascii()
    return made if whole and made.token.isprintable() and UUID.fullmatch(made.id_agente) else None


def token_in(state: Path) -> str:
    """Return the token in force, "" for none. Raises CredentialsError."""
    held = parse(read_private(state / TOKEN), Credential)
    return Credential(*held).token if held else ""


class Credentials:
    """This installation's identity and credential. Raises CredentialsError, OSError when made.

    What it is changes only by the one who sends; the others read ``id_agente``.
    """

    def __init__(self, state: Path, who: Identity) -> None:
        self._state, self._who = state, who
        self.held: Credential | None = None
        self.pending: Pending | None = None
        self.reload()

    @property
    def id_agente(self) -> str:
        """Return the identity under which reports are gathered."""
        return self._who.id_agente

    def reload(self) -> bool:
        """Read the files again, which another run may have changed; tell whether it has."""
        before = self._who, self.held, self.pending
        self._who = identity.read(self._state) or self._who
        held = parse(read_private(self._state / TOKEN), Credential)
        pending = parse(read_private(self._state / PENDING), Pending)
        self.held = Credential(*held) if held else None
        self.pending = Pending(*pending) if pending else None
        if self.pending and self.pending.de != self.id_agente != self.pending.id_agente:
            self.pending = None  # of the machine whose disk was copied
        return (self._who, self.held, self.pending) != before

    def is_cloned(self) -> bool:
        """Tell whether the credential in force is that of another identity: the disk is a copy."""
        return self.held is not None and self.held.id_agente != self.id_agente

    def plan(self, id_agente: str = "", token: str = "") -> Pending:
        """Make what is to be registered next: this identity and a new token, unless given."""
        made = Pending(id_agente or self.id_agente, token or new_token(), self.id_agente)
        self._write(PENDING, made)
        self.pending = made
        return made

    def registered(self) -> None:
        """Let what was registered be in force. A crash in between leaves it to be asked again."""
        if self.pending is None:
            return
        self.become(self.pending.id_agente)
        self.held = Credential(self.pending.id_agente, self.pending.token)
        self._write(TOKEN, self.held)
        self.drop()

    def become(self, id_agente: str) -> None:
        """Take another identity."""
        if id_agente != self.id_agente:
            self._who = identity.keep(self._state, self._who.machine_id, id_agente)

    def drop(self) -> None:
        """Give up what is being registered."""
        (self._state / PENDING).unlink(missing_ok=True)
        self.pending = None

    def _write(self, name: str, content: Credential | Pending) -> None:
        with durable.locked(self._state):
            durable.write(self._state / name, json.dumps(content._asdict()).encode() + b"\n")
