"""What arguments of commands may be."""

import argparse
import ipaddress

from API.app.settings import Network


def positive(text: str) -> int:
    """Read a whole number from 1 up."""
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} no es un número entero de 1 a 9999999")
    return int(text)


def networks(text: str) -> tuple[Network, ...]:
    """Read networks with commas between."""
    try:
        return tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
