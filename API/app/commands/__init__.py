"""What `init_app.py` does besides serving: one command, one module.

A module has `add_arguments` and `run`; its name is the command's. It is imported when that is asked
for: a start of the collector has no use for it.
"""

import argparse
import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from API.app.memory import importing
from API.app.settings import (
    DEFAULT_CONFIG,
    SETTINGS,
    add_options,
    require_text,
    settings_from,
)

COMMANDS = {
    "agentes": "los servidores: verlos, etiquetarlos, pausarlos, retirarlos, revocarlos",
    "secret": "el secreto con que los servidores se dan de alta: otro nuevo, o cómo está",
    "cuentas": "cuentas de las personas: las crea, las lista, las cambia; sus tokens",
    "auditoria": "muestra quién hizo qué, desde dónde y cuándo",
    "policies": "revisa políticas, las prueba con la flota y corre sus ejemplos",
    "alerts": "las alertas: qué espera y por qué, canales y reglas, mensajes de prueba",
    "excepciones": "excepciones de las políticas: concederlas, verlas, terminarlas",
    "report": "informe de cumplimiento de un período, para auditorías; y si vale todavía",
}
"""Each with its line in `--help`."""

PLACES = ("database", "storage", "policies", "alerts")
"""The settings that a command may be told: where the collector's data are."""


def is_command(arguments: Sequence[str]) -> bool:
    """Tell whether the command line asks for a command and not for the collector."""
    return bool(arguments) and arguments[0] in COMMANDS


def run_command(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command that `arguments` begin with, and give its exit code.

    Raises:
        SettingsError: a setting is wrong, or an argument is no text.
        SystemExit: `--help` was asked for, or an argument is not known.
    """
    for argument in arguments:
        require_text(argument)
    name, *rest = arguments
    with importing():
        command = importlib.import_module(f"API.app.commands.{name}")
    places = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_options(places, [row for row in SETTINGS if row.field in PLACES])
    parser = argparse.ArgumentParser(
        prog=f"init_app.py {name}",
        description=COMMANDS[name],
        allow_abbrev=False,
        parents=[places],
    )
    command.add_arguments(parser)
    found, rest = places.parse_known_args(rest)  # they may also stand after a command's action
    options = parser.parse_args(rest, found)
    config = Path(options.config or DEFAULT_CONFIG)
    settings = settings_from(vars(options), environment, config, bool(options.config))
    return int(command.run(settings, options))


def list_of_commands() -> str:
    """Give the commands with their summaries, a line each, for `--help`."""
    lines = (f"  init_app.py {name:<12} {summary}" for name, summary in COMMANDS.items())
    return "\n".join(["otras órdenes (cada una responde a --help):", *lines])
