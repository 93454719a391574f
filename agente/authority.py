"""A collector's own authority: asked for once, known by its fingerprint, kept from then on.

This is the one thing that is fetched over TLS before the other end can be checked: it carries no
credential, and what comes is worth nothing unless its SHA-256 is the one that the operator gave.
"""

import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path

import durable
from settings import Collector, Settings

PINNED = "ca.pem"


class AuthorityError(OSError):
    """What the collector shows as its authority is not what the operator named."""


def authority(settings: Settings, collector: Collector, fetch: Callable[[], bytes]) -> Path | None:
    """Return the certificates that vouch for a collector's; None for those of the system.

    They are in one file, those of all collectors that the operator named by their fingerprints, and
    no others. ``fetch`` is called where this one's is not here yet. Raises OSError.
    """
    pinned = settings.estado / PINNED
    if settings.ca or not collector.url.startswith("https:"):
        return settings.ca
    if not collector.huella:
        return pinned if pinned.exists() else None
    found = each_certificate(pinned.read_bytes()) if pinned.exists() else {}
    named = {other.huella for other in settings.collectors}
    kept = {mark: pem for mark, pem in found.items() if mark in named}
    if collector.huella not in kept:
        kept[collector.huella] = checked(fetch(), collector.huella)
    if kept != found:
        durable.write(pinned, b"".join(kept.values()))
    return pinned


def each_certificate(pem: bytes) -> dict[str, bytes]:
    """Return the certificates in a file of ours, by their SHA-256."""
    footer = ssl.PEM_FOOTER.encode()
    parts = [part.lstrip() + footer + b"\n" for part in pem.split(footer)[:-1]]
    return {fingerprint_of(part): part for part in parts}


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
