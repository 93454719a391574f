"""Texts that are compared whatever their case."""

import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def lowered(text: str) -> str:
    """Write a text as `lower` of both databases does, which knows A to Z and leaves the rest."""
    return text.translate(_LOWER)
