"""A request as it stands at the door: its headers, where it comes from, and who sends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from API.app.door.origin import Origin


class Sender(Protocol):
    """Who sends a body, as the view's own `admit` found out."""

    @property
    def name(self) -> str:
        """Under which its requests are counted."""


@dataclass(slots=True)
class Arrival:
    """A request that is let in step by step."""

    headers: Mapping[str, str]
    """By their names in lower case, several of one name joined with commas."""
    origin: Origin
    sender: Sender | None = None
    body: bytes | bytearray = b""

    def has_body(self) -> bool:
        """Tell whether a body is announced."""
        return self.headers.get("content-length", "0") != "0" or self.is_chunked

    @property
    def is_chunked(self) -> bool:
        """Whether its body has no length of its own (RFC 9112, 7.1)."""
        return "transfer-encoding" in self.headers
