"""Who may come in: decided from the socket's address, before a byte of the body is read."""

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

from flask import request

from API.app.door.entrance import ORIGIN
from API.app.door.origin import Origin
from API.app.errors import ProblemError
from API.app.settings import Network

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


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
            "networks of redes_sin_token, and what is stored is read on this machine (ssh -L "
            "brings you here)",
        )
    return str(found.address)


def require_reader() -> None:
    """Let the request in only if it is made on this machine, and by the machine's own name.

    A browser that was led here by a name of somebody else's (DNS rebinding) sends that name.

    Raises:
        ProblemError: 403.
    """
    require_network(LOOPBACK)
    host = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if host != "localhost":
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "what is stored is read at localhost or at an address"
            ) from None
