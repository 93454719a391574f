"""Where a request comes from: the socket's other end, or who a listed proxy says it is."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from API.app.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})

REMEMBERED = 4_096
"""Peers whose address need not be read again: each makes many requests."""


@dataclass(frozen=True)
class Origin:
    """Where a request comes from.

    Args:
        address: whose request it is; None where that cannot be told.
        forwarded: a proxy passed it on.
        secure: nobody on the way could read it: it came over TLS, or never left this machine.
        doubt: why the address cannot be told.
    """

    address: Address | None
    forwarded: bool = False
    secure: bool = False
    doubt: str = ""

    @cached_property
    def local(self) -> bool:
        """Whether it was made on this machine; what a proxy passed on never counts as that."""
        return not self.forwarded and self.address is not None and self.address.is_loopback

    @cached_property
    def text(self) -> str:
        """The address as it is written; nothing where it cannot be told."""
        return "" if self.address is None else str(self.address)

    @cached_property
    def counted(self) -> str:
        """The name under which requests are counted; nothing where it has no address."""
        return "" if self.address is None else counted_as(self.address)

    def within(self, networks: Iterable[Network]) -> bool:
        """Tell whether it comes from one of `networks`."""
        if self.address is None or (self.forwarded and self.address.is_loopback):
            return False
        return any(self.address in network for network in networks)


def origin_of(
    peer: str, version: str, scheme: str, headers: Mapping[str, str], proxies: Sequence[Network]
) -> Origin:
    """Tell where a request comes from.

    Args:
        peer: the socket's other end.
        version: of HTTP; a proxy that says nothing else speaks 1.0, as nginx does by default.
        scheme: of the connection, `http` or `https`.
        headers: by their names in lower case, several of one name joined with commas.
        proxies: whose word on the matter is taken.
    """
    origin = _of_peer(peer, scheme)
    address = origin.address
    if address is None:
        return origin
    if any(address in network for network in proxies):
        return _forwarded(headers, origin.secure, proxies)
    if not FORWARDED.isdisjoint(headers) or (version != "1.1" and address.is_loopback):
        doubt = f"requests through a proxy are not accepted: {address} is not in behind_proxy"
        return Origin(None, forwarded=True, doubt=doubt)
    return origin


@lru_cache(REMEMBERED)
def _of_peer(peer: str, scheme: str) -> Origin:
    """Tell where a request comes from that nobody passed on."""
    address = address_of(peer)
    if address is None:
        return Origin(None, doubt="this connection has no address")
    return Origin(address, secure=scheme == "https" or address.is_loopback)


def _forwarded(headers: Mapping[str, str], secure: bool, proxies: Sequence[Network]) -> Origin:
    address = _last_stranger(headers.get("x-forwarded-for", ""), proxies)
    if address is None:
        doubt = "the proxy does not say whom it serves: it must set X-Forwarded-For"
        return Origin(None, forwarded=True, doubt=doubt)
    encrypted = headers.get("x-forwarded-proto", "").strip().lower() == "https"
    return Origin(address, forwarded=True, secure=secure and encrypted)


def _last_stranger(chain: str, proxies: Sequence[Network]) -> Address | None:
    """Give the last address of X-Forwarded-For that is no proxy of ours.

    Each proxy appends who came to it; what stands before that, anybody may have written.
    """
    address = None
    for part in reversed(chain.split(",")):
        address = address_of(part.strip())
        if address is None or not any(address in network for network in proxies):
            break
    return address


def counted_as(address: Address) -> str:
    """Give the name under which an address is counted: itself, of IPv6 its network of 64 bits.

    Whoever has one address of IPv6 has 2**64.
    """
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), False))


def address_of(text: str) -> Address | None:
    """Read an address; None where it is none."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
