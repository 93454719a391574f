"""Who may come in: decided from the socket's address, before a byte of the body is read."""

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus

from flask import request

from API.app.errors import ProblemError
from API.app.settings import Network

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def require_network(networks: Iterable[Network]) -> None:
    """Let the request in only if it comes from one of `networks`.

    A request that some proxy passed on does not come from where it seems to, and no proxy is
    trusted yet: it is not let in, so that a proxy on this host does not open the collector to all.

    Raises:
        ProblemError: 403.
    """
    if any(name in request.headers for name in FORWARDED):
        raise ProblemError(HTTPStatus.FORBIDDEN, "requests through a proxy are not accepted")
    address = ipaddress.ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104
    address = getattr(address, "ipv4_mapped", None) or address
    if not any(address in network for network in networks):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"requests from {address} are not accepted: reports come from the networks of "
            "redes_sin_token, and what is stored is read on this machine (ssh -L brings you here)",
        )


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
