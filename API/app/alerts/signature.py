"""Signs what our webhooks send, as https://www.standardwebhooks.com asks: others have libraries.

Over identity, time and body together, so that nobody who has seen one can send it again later, or
under another identity.
"""

import base64
import hashlib
import hmac

PREFIX = "whsec_"
"""What a secret begins with; the rest of it is base64."""

LEAST = 24
"""Bytes that a secret has at least."""


class WrongSecretError(ValueError):
    """A text is no secret of a webhook."""


def read_secret(text: str) -> bytes:
    """Read a secret.

    Raises:
        WrongSecretError: it isn't one; the message says how to make one.
    """
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if len(secret) < LEAST:
        raise WrongSecretError(
            f"el secreto es {PREFIX} y {LEAST} bytes o más en base64; "
            "haga uno con: echo whsec_$(openssl rand -base64 32)"
        )
    return secret


def headers(secret: bytes, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give the headers that go with a body.

    Args:
        secret: of the webhook.
        identity: of the message, the same on every attempt.
        timestamp: of this attempt, in seconds since 1970.
        body: as it is sent.
    """
    signed = b".".join((identity.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
