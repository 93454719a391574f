"""Who may come in: decided from the socket's address, before a byte of the body is read."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

from flask import request

from API.app.door.entrance import ORIGIN
from API.app.door.origin import Origin
from API.app.errors import ProblemError
from API.app.settings import Network


def origin() -> Origin:
    """Give where the request at hand comes from, as the door found out."""
    return cast("Origin", request.environ[ORIGIN])


def require_network(networks: Iterable[Network]) -> str:
    """Let the request in only if it comes from one of `networks`, and give its address.

    Raises:
        ProblemError: 403.
    """
    found = origin()
    if not found.within(networks):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            found.doubt
            or f"requests from {found.address} are not accepted: reports come from the "
            "networks of redes_sin_token",
        )
    return str(found.address)
