"""What lets people in: random secrets, of which only the SHA-256 is kept.

256 random bits cannot be guessed, so a slow hash would buy nothing; without the hash whoever reads
the database, or a copy of it, could use them.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime

LOCAL = b"acceso-local"


def new_secret(prefix: str) -> str:
    """Make a secret; its prefix lets people and scanners tell what leaked."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def fingerprint(secret: str) -> str:
    """Give what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def local_secret(key: bytes) -> str:
    """Give the secret of this machine's own readers, from the key that a run's processes share."""
    return f"local_{hmac.digest(key, LOCAL, 'sha256').hex()}"


def now() -> datetime:
    """Give the moment, in UTC and without an offset, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)
