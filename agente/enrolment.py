"""--enrol: registering this agent's token with the secret that the operator was given."""

import json
import sys
from typing import TextIO

import durable
import exits
from credentials import Credentials
from gatherer import Gatherer
from member import Member
from messages import say, why
from settings import ENROLLED_AT, Settings, SettingsError, enrolled_at, secret
from transport import Transport


def run(settings: Settings) -> int:
    """Enrol and say so; return the exit code. Raises SettingsError where there is no secret."""
    given = settings.alta or read_secret(sys.stdin)
    credentials = Credentials(settings.estado, Gatherer(settings).who)
    transport = Transport(settings)
    trouble = Member(given, credentials, transport).enrol()
    transport.close()
    if trouble:
        say(f"{settings.url} no da de alta a este agente ({trouble.reason})")
        return exits.KEPT
    remember(settings)
    print(f"dado de alta en {settings.url}: {credentials.id_agente}")
    return exits.DELIVERED


def read_secret(source: TextIO) -> str:
    """Return the secret in the first line of a stream, or what is typed unseen at a terminal."""
    if source.isatty():
        import getpass

        text = getpass.getpass("Secreto de alta: ")
    else:
        text = source.readline(4096)
    try:
        found = secret(text.strip())
    except ValueError as error:
        raise SettingsError(f"el secreto de la entrada estándar {error}") from error
    if not found:
        raise SettingsError(
            "falta el secreto de alta: en COMPLIANCE_API_ALTA o en la entrada estándar"
        )
    return found


def remember(settings: Settings) -> None:
    """Note at which collector, for runs that are told no other; say it where that fails."""
    if enrolled_at(settings.estado) == settings.url:
        return
    try:
        durable.write(settings.estado / ENROLLED_AT, json.dumps({"url": settings.url}).encode())
    except OSError as error:
        say(f"no puedo recordar {settings.url}: {why(error)}")
