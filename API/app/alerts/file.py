"""The operator's file of channels and rules, read with its secrets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from API.app.alerts.channels import Channel, Service, Webhook, WrongChannelError
from API.app.alerts.rules import ChannelEntry, File, repeated_channel, unknown_channel
from API.app.alerts.signature import WrongSecretError, read_secret
from API.app.documents import DocumentError, line_of, read
from API.app.settings import SettingsError

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
    try:
        text = path.read_bytes()
        file = read(text, File)
        _require_consistent(file, text)
    except OSError as error:
        raise SettingsError(f"{path}: no se puede leer: {error.strerror}") from None
    except DocumentError as error:
        raise SettingsError(f"{path}:{error.line}: {error.reason}") from None
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


def files_of(path: Path, file: File) -> list[Path]:
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
        if entry.ca is not None and not Path(entry.ca).is_file():
            raise WrongChannelError(f"ca: {entry.ca}: no existe")
        return Webhook(entry.webhook, read_secret(secret), entry.ca)
    if entry.url is not None:
        return Service(entry.url)
    return Service(_secret(entry.url_archivo, entry.url_entorno, environment))


def _secret(file: str | None, variable: str | None, environment: Mapping[str, str]) -> str:
    if file is not None:
        path = Path(file)
        if not path.is_absolute():
            raise WrongChannelError(f"{path}: no es una ruta absoluta")
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


def _require_closed(path: Path) -> None:
    if path.stat().st_mode & OTHERS:
        raise WrongChannelError(f"{path} tiene un secreto y lo puede leer cualquiera: chmod o= ...")
