"""What arguments of commands may be."""

import argparse
import ipaddress
from datetime import UTC, datetime, timedelta

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


def moment(text: str) -> datetime:
    """Read a moment (UTC where it has no offset), or a day: where it begins."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} no es una fecha") from None


def until(text: str) -> datetime:
    """Read where something ends: a moment, or a day, which counts whole."""
    found = moment(text)
    if len(text) > len("2026-12-31"):
        return found
    try:
        return found + timedelta(days=1)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} no es una fecha") from None
