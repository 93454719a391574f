"""The operator's file of channels and rules, read with its secrets."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import structlog

from API.app.alerts.channels import Channel, Service, Webhook, WrongChannelError
from API.app.alerts.rules import ChannelEntry, File, repeated_channel, unknown_channel
from API.app.alerts.signature import WrongSecretError, read_secret
from API.app.documents import DocumentError, line_of, read
from API.app.settings import SettingsError

log = structlog.get_logger()

LOOK_AGAIN_S = 2.0
"""After how long a file that is wrong is read again, changed or not, in seconds."""

OTHERS = 0o007
"""Permissions that a file with secrets must not give to everybody."""


class Alerting(NamedTuple):
    """What the file says, ready for use."""

    file: File
    channels: Mapping[str, Channel]


def read_file(path: Path, environment: Mapping[str, str] = os.environ) -> Alerting:
    """Read the file at `path`.

    Args:
        path: of the file.
        environment: where secrets may be.

    Raises:
        SettingsError: it is wrong; the message is one line that names file, line and reason.
    """
    file, text = read_rules(path)
    channels: dict[str, Channel] = {}
    for place, entry in enumerate(file.canales):
        try:
            if entry.url is not None:
                _require_closed(path)
            channels[entry.nombre] = _channel(entry, environment)
        except (WrongChannelError, WrongSecretError) as error:
            line = line_of(text, "canales", str(place))
            raise SettingsError(f"{path}:{line}: canal '{entry.nombre}': {error}") from None
    return Alerting(file, channels)


def read_rules(path: Path) -> tuple[File, bytes]:
    """Read what the file at `path` says, without its secrets; give its text, too.

    Raises:
        SettingsError: as `read_file`.
    """
    try:
        text = path.read_bytes()
        file = read(text, File)
        _require_consistent(file, text)
    except OSError as error:
        raise SettingsError(f"{path}: no se puede leer: {error.strerror}") from None
    except DocumentError as error:
        raise SettingsError(f"{path}:{error.line}: {error.reason}") from None
    return file, text


class Watched:
    """The operator's file as it is now; while it is wrong, as it last was."""

    def __init__(self, path: Path | None) -> None:
        """Read it.

        Raises:
            SettingsError: it is wrong.
        """
        self._path = path
        self.alerting: Alerting | None = read_file(path) if path else None
        """What it says; None where there is none."""
        self._seen = self._look()
        self._wrong: str | None = None
        self._due = 0.0

    @property
    def file(self) -> File | None:
        """The channels and rules as they are written; None where there is no file."""
        return self.alerting.file if self.alerting else None

    @property
    def link(self) -> str | None:
        """Where people reach the collector."""
        return self.file.enlace.rstrip("/") if self.file and self.file.enlace else None

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The channels that there are, by their names."""
        return self.alerting.channels if self.alerting else {}

    def refresh(self) -> None:
        """Read it anew if it has changed, or a file that it names."""
        seen = self._look()
        again = self._wrong is not None and time.monotonic() >= self._due
        if self._path is None or (seen == self._seen and not again):
            return
        self._seen = seen
        try:
            self.alerting = read_file(self._path)
        except SettingsError as error:
            self._stay(str(error))
            return
        self._wrong = None
        self._seen = self._look()
        log.info("the file of alerts has changed", channels=", ".join(self.channels))

    def _stay(self, reason: str) -> None:
        """Keep to what it said; what is wrong may also be a file that is not there yet."""
        self._due = time.monotonic() + LOOK_AGAIN_S
        if reason != self._wrong:
            self._wrong = reason
            log.error("the file of alerts is wrong; what it said before still counts",
                      reason=reason)  # fmt: skip

    def _look(self) -> list[tuple[int, ...]]:
        files = _files_of(self._path, self.alerting.file) if self._path and self.alerting else []
        return [_stamp(each) for each in files]


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_mode


def _files_of(path: Path, file: File) -> list[Path]:
    """Name the file and those that it takes secrets from: a change of any counts."""
    named = (
        name
        for entry in file.canales
        for name in (entry.url_archivo, entry.secreto_archivo, entry.ca)
    )
    return [path, *(Path(name) for name in named if name)]


def _require_consistent(file: File, text: bytes) -> None:
    if twice := repeated_channel(file):
        raise DocumentError(line_of(text, "canales"), f"el canal '{twice}' está dos veces")
    if unknown := unknown_channel(file):
        raise DocumentError(
            line_of(text, "reglas"), f"una regla nombra el canal '{unknown}', que no hay"
        )


def _channel(entry: ChannelEntry, environment: Mapping[str, str]) -> Channel:
    if entry.webhook is not None:
        secret = _secret(entry.secreto_archivo, entry.secreto_entorno, environment)
        if entry.ca is not None and not _absolute(entry.ca).is_file():
            raise WrongChannelError(f"ca: {entry.ca}: no existe")
        return Webhook(entry.webhook, read_secret(secret), entry.ca)
    if entry.url is not None:
        return Service(entry.url)
    return Service(_secret(entry.url_archivo, entry.url_entorno, environment))


def _secret(file: str | None, variable: str | None, environment: Mapping[str, str]) -> str:
    if file is not None:
        path = _absolute(file)
        try:
            _require_closed(path)
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no es texto"
            raise WrongChannelError(f"{path}: no se puede leer: {reason}") from None
    text = environment.get(variable or "")
    if not text:
        raise WrongChannelError(f"la variable de entorno {variable} no existe")
    return text.strip()


def _absolute(text: str) -> Path:
    if not Path(text).is_absolute():
        raise WrongChannelError(f"{text}: no es una ruta absoluta")
    return Path(text)


def _require_closed(path: Path) -> None:
    if path.stat().st_mode & OTHERS:
        raise WrongChannelError(f"{path} tiene un secreto y lo puede leer cualquiera: chmod o= ...")
