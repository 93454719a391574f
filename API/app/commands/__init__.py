"""What `init_app.py` does besides serving: one command, one module.

A module has `SUMMARY` (its line in `--help`), `add_arguments` and `run`; its name is the command's.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from API.app.commands import agentes, auditoria, cuentas, excepciones, policies, secret
from API.app.settings import DEFAULT_CONFIG, SETTINGS, add_options, settings_from

COMMANDS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (agentes, secret, cuentas, auditoria, policies, excepciones)
}

PLACES = ("database", "storage", "policies")
"""The settings that a command may be told: where the collector's data are."""


def is_command(arguments: Sequence[str]) -> bool:
    """Tell whether the command line asks for a command and not for the collector."""
    return bool(arguments) and arguments[0] in COMMANDS


def run_command(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command that `arguments` begin with, and give its exit code.

    Raises:
        SettingsError: a setting is wrong.
        SystemExit: `--help` was asked for, or an argument is not known.
    """
    name, *rest = arguments
    command = COMMANDS[name]
    places = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_options(places, [row for row in SETTINGS if row.field in PLACES])
    parser = argparse.ArgumentParser(
        prog=f"init_app.py {name}",
        description=command.SUMMARY,
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
    lines = (f"  init_app.py {name:<12} {command.SUMMARY}" for name, command in COMMANDS.items())
    return "\n".join(["otras órdenes (cada una responde a --help):", *lines])
