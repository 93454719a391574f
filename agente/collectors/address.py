"""The address that this server uses towards the collector."""

import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from collectors.context import CannotTellError, Context
from deadline import Patience

IPV4_LENGTH = 4  # bytes
PATIENCE = Patience(5.0)  # for resolving the collector's name


def bare(address: str) -> str:
    """Return an address without its scope: fe80::1%eth0 -> fe80::1 (RFC 4007, section 11)."""
    return address.partition("%")[0]


def packed(address: str) -> bytes:
    """Return an address as its 4 or 16 bytes, b"" when it is none; ``ipaddress`` costs 2 ms."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, bare(address))
        except (OSError, ValueError):
            continue
    return b""


def is_usable(address: str) -> bool:
    """Tell whether others could know this server by that address: not loopback, not 0.0.0.0.

    Loopback is 127.0.0.0/8 (RFC 1122, section 3.2.1.3) and ::1 (RFC 4291, section 2.5.3).
    """
    data = packed(address)
    loopback = data[:1] == b"\x7f" if len(data) == IPV4_LENGTH else int.from_bytes(data, "big") == 1
    return any(data) and not loopback


def is_link_local(address: str) -> bool:
    """Tell whether an address holds on one link only: 169.254.0.0/16 (RFC 3927), fe80::/10."""
    data = packed(address)
    if len(data) == IPV4_LENGTH:
        return data[:2] == b"\xa9\xfe"
    return data[:1] == b"\xfe" and data[1] & 0xC0 == 0x80


def best(addresses: Iterable[str]) -> str:
    """Return the first usable address, one that others route to before a link-local one, or ""."""
    usable = [bare(address) for address in addresses if is_usable(address)]
    return min(usable, key=is_link_local, default="")


def source_towards(host: str, port: int) -> list[str]:
    """Return the addresses from which the kernel would send to host, in order of preference.

    A connected UDP socket has a source address, and sends nothing (connect(2)). Raises OSError.
    """
    sources = []
    name = host.encode("ascii") if host.isascii() else host  # as text it would load a codec
    for family, kind, protocol, _, target in socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.connect(target)
            except OSError:
                continue
            sources.append(str(probe.getsockname()[0]))
    return sources


def default_interfaces(gateways: dict[Any, Any]) -> list[str]:
    """Return the interfaces of the default routes, IPv4 first, from netifaces.gateways()."""
    default = gateways.get("default") or {}
    return [str(default[family][1]) for family in sorted(default)]


def addresses_of(addresses: dict[int, list[dict[str, str]]]) -> list[str]:
    """Return the IPv4 and IPv6 addresses of netifaces.ifaddresses(name)."""
    families = (socket.AF_INET, socket.AF_INET6)
    return [entry["addr"] for family in families for entry in addresses.get(family, [])]


def of_interfaces() -> tuple[list[str], list[str]]:
    """Return the addresses of the default routes' interfaces, and those of all interfaces."""
    import netifaces

    def of(names: Iterable[str]) -> list[str]:
        return [a for name in names for a in addresses_of(netifaces.ifaddresses(name))]

    everywhere = list(netifaces.interfaces())
    preferred = [n for n in default_interfaces(netifaces.gateways()) if n in everywhere]
    return of(preferred), of(everywhere)


def gather(context: Context) -> dict[str, str]:
    """Return this server's address as the collector would see it.

    Where the collector runs on this host or can't be resolved: that of the default route's
    interface, then any that is not loopback. Raises CannotTellError with no network at all.
    """
    parts = urlsplit(context.url)
    host, port = parts.hostname or "", parts.port or 80
    try:
        found = best(PATIENCE.call("nombre", lambda: source_towards(host, port)))
    except (OSError, UnicodeError):
        found = ""
    if not found:
        preferred, everywhere = of_interfaces()
        found = best(preferred) or best(everywhere)
    if not found:
        raise CannotTellError("no hay red: ninguna interfaz tiene dirección, salvo lo")
    return {"ipaddress": found}
