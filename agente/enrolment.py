"""--enrol: registering this agent's token with the secret that the operator was given."""

import sys
from typing import TextIO

import durable
import exits
from credentials import Credentials
from gatherer import Gatherer
from member import members
from messages import say, why
from settings import ENROLLED_AT, Settings, SettingsError, enrolled_at, secret, written


def run(settings: Settings) -> int:
    """Enrol at the first collector that does it, and say so; return the exit code.

    Raises SettingsError where there is no secret.
    """
    given = settings.alta or read_secret(sys.stdin)
    credentials = Credentials(settings.estado, Gatherer(settings).who)
    for member in members(given, credentials, settings):
        trouble = member.enrol()
        member.close()
        if trouble is None:
            remember(settings)
            print(f"dado de alta en {member.base}: {credentials.id_agente}")
            return exits.DELIVERED
        say(f"{member.base} no da de alta a este agente ({trouble.reason})")
    return exits.KEPT


def read_secret(source: TextIO | None) -> str:
    """Return the secret in the first line of a stream, or what is typed unseen at a terminal."""
    if source is None:  # as standard input is where it was closed before the start
        text = ""
    elif source.isatty():
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
    """Note the collectors, for runs that are told no others; say it where that fails."""
    if enrolled_at(settings.estado) == settings.collectors:
        return
    try:
        durable.write(settings.estado / ENROLLED_AT, written(settings.collectors).encode())
    except OSError as error:
        say(f"no puedo recordar dónde se dio de alta: {why(error)}")
