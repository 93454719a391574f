"""The collector's own authority: asked for once, known by its fingerprint, kept from then on.

This is the one thing that is fetched over TLS before the other end can be checked: it carries no
credential, and what comes is worth nothing unless its SHA-256 is the one that the operator gave.
"""

import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path

import durable
from settings import Settings

PINNED = "ca.pem"


class AuthorityError(OSError):
    """What the collector shows as its authority is not what the operator named."""


def authority(settings: Settings, fetch: Callable[[], bytes]) -> Path | None:
    """Return the certificates that vouch for the collector's; None for those of the system.

    ``fetch`` is called where the authority is not here yet. Raises OSError.
    """
    pinned = settings.estado / PINNED
    if settings.ca or not settings.url.startswith("https:"):
        return settings.ca
    if not settings.huella:
        return pinned if pinned.exists() else None
    if not pinned.exists() or fingerprint_of(pinned.read_bytes()) != settings.huella:
        durable.write(pinned, checked(fetch(), settings.huella))
    return pinned


def checked(pem: bytes, fingerprint: str) -> bytes:
    """Return the one certificate that was named, without what else came. Raises AuthorityError."""
    if fingerprint_of(pem) != fingerprint:
        raise AuthorityError("la autoridad que muestra el colector no es la de la huella")
    return ssl.DER_cert_to_PEM_cert(first_certificate(pem)).encode()


def fingerprint_of(pem: bytes) -> str:
    """Return the SHA-256 of the first certificate; of nothing where there is none."""
    return hashlib.sha256(first_certificate(pem)).hexdigest()


def first_certificate(pem: bytes) -> bytes:
    """Return the first certificate of a PEM text as DER, empty where there is none."""
    text = pem.decode("ascii", "replace").partition(ssl.PEM_FOOTER)[0]
    try:
        return ssl.PEM_cert_to_DER_cert(text[text.index(ssl.PEM_HEADER) :] + ssl.PEM_FOOTER)
    except ValueError:
        return b""
