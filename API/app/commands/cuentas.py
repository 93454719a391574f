"""`init_app.py cuentas`: who may read, and more.

Passwords come from the terminal or from standard input, never from the command line.
"""

import argparse
import getpass
import sys
from typing import Any

from sqlalchemy import Connection

from API.app.accounts import accounts, tokens
from API.app.accounts.accounts import Account
from API.app.accounts.roles import Role
from API.app.audit import operator
from API.app.commands.writing import writing
from API.app.settings import Settings, SettingsError
from API.app.words import SpokenError

DAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    roles = [role.value for role in Role]
    actions = parser.add_subparsers(dest="action", required=True, metavar="QUÉ")

    def add(name: str, help_text: str, *, account: bool = True) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help_text, description=help_text)
        if account:
            action.add_argument("cuenta", help="nombre de la cuenta")
        return action

    add("list", "muestra las cuentas", account=False)
    create = add(
        "create", "crea una cuenta; la contraseña se teclea o llega por la entrada estándar"
    )
    create.add_argument("--rol", choices=roles, required=True, help="lo que podrá hacer")
    add("role", "cambia lo que puede hacer").add_argument("rol", choices=roles)
    add("password", "le da otra contraseña y cierra sus sesiones")
    add("disable", "no la deja entrar más: cierra sus sesiones y revoca sus tokens")
    add("enable", "la deja entrar de nuevo")
    token = add("token", "crea un token para la API y lo escribe; no se vuelve a mostrar")
    token.add_argument("--nombre", required=True, help="para qué es")
    token.add_argument(
        "--alcance",
        choices=roles,
        default=Role.LECTOR.value,
        help="lo que podrá hacer, si su cuenta también puede (por omisión: lector)",
    )
    token.add_argument(
        "--dias",
        metavar="N",
        type=int,
        default=DAYS,
        help=f"cuánto dura (por omisión: {DAYS}; como mucho {tokens.LONGEST_DAYS})",
    )
    add("tokens", "muestra sus tokens")
    add("revoke", "revoca un token").add_argument("token", type=int, help="su número")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked."""
    action = ACTIONS[options.action]
    if options.action in NEED_PASSWORD:
        options.password = _new_password()
    try:
        with writing(settings) as connection:
            action(connection, options)
    except SpokenError as error:
        raise SettingsError(f"cuentas: {error}") from None
    return 0


def _list(connection: Connection, _: argparse.Namespace) -> None:
    found = accounts.listed(connection)
    if not found:
        print(
            "Aún no hay cuentas. La primera: init_app.py cuentas create NOMBRE --rol administrador"
        )
    for account in found:
        state = "" if account.activa else "  desactivada"
        print(f"{account.nombre:<24}  {account.rol:<13}  {account.creada:%Y-%m-%d}{state}")


def _create(connection: Connection, options: argparse.Namespace) -> None:
    accounts.create(connection, operator(), options.cuenta, Role(options.rol), options.password)


def _role(connection: Connection, options: argparse.Namespace) -> None:
    accounts.set_role(connection, operator(), _named(connection, options), Role(options.rol))


def _password(connection: Connection, options: argparse.Namespace) -> None:
    account = _named(connection, options)
    accounts.set_password(connection, operator(), account, options.password)


def _disable(connection: Connection, options: argparse.Namespace) -> None:
    accounts.disable(connection, operator(), _named(connection, options))


def _enable(connection: Connection, options: argparse.Namespace) -> None:
    accounts.enable(connection, operator(), _named(connection, options))


def _token(connection: Connection, options: argparse.Namespace) -> None:
    account, scope = _named(connection, options), Role(options.alcance)
    secret = tokens.create_token(
        connection, operator(), account.id_cuenta, options.nombre, scope, options.dias
    )
    print(secret)


def _tokens(connection: Connection, options: argparse.Namespace) -> None:
    for token in tokens.tokens_of(connection, _named(connection, options).id_cuenta):
        used = f"usado {token.usado:%Y-%m-%d}" if token.usado else "nunca usado"
        until = f"hasta {token.caduca:%Y-%m-%d}"
        print(f"{token.id_token:>5}  {token.alcance:<13}  {until}  {used:<16}  {token.nombre}")


def _revoke(connection: Connection, options: argparse.Namespace) -> None:
    account = _named(connection, options)
    if not tokens.revoke_token(connection, operator(), account.id_cuenta, options.token):
        raise SpokenError("token_unknown")


ACTIONS: dict[str, Any] = {
    "list": _list, "create": _create, "role": _role, "password": _password, "disable": _disable,
    "enable": _enable, "token": _token, "tokens": _tokens, "revoke": _revoke,
}  # fmt: skip
NEED_PASSWORD = ("create", "password")


def _named(connection: Connection, options: argparse.Namespace) -> Account:
    return accounts.named(connection, options.cuenta)


def _new_password() -> str:
    """Ask for a password twice; without a terminal, take the first line of standard input."""
    if not sys.stdin.isatty():
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise SettingsError("la contraseña no es texto en UTF-8") from None
    password = getpass.getpass("Contraseña: ")
    if getpass.getpass("Otra vez: ") != password:
        raise SettingsError("cuentas: las dos contraseñas no son iguales")
    return password
