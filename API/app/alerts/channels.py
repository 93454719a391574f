"""The ways out: a webhook of our own, and whatever apprise reaches. They know nothing of alerts."""

import ipaddress
import json
import re
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from API.app.alerts import signature
from API.app.alerts.words import say_plainly

CONNECT_S, ANSWER_S = 5.0, 20.0
"""How long a channel may take to answer, in seconds."""

MAX_RETRY_AFTER_S = 3_600.0
MAX_ERROR = 500
"""Characters of a reason that are kept."""


class Message(NamedTuple):
    """What is sent: the same on every attempt."""

    clave: str
    """Its identity (UUID)."""
    contenido: str
    """JSON object."""


class DeliveryError(Exception):
    """A message was not taken; the reason is one line and has no secret in it.

    Args:
        reason: why.
        retry_after: how long the other side asks to be left alone, in seconds.
    """

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = _one_line(reason)[:MAX_ERROR]
        self.retry_after = min(retry_after, MAX_RETRY_AFTER_S)


class WrongChannelError(ValueError):
    """A channel cannot be as it is written; the message has no secret in it."""


class Channel(Protocol):
    """A way out."""

    @property
    def shown(self) -> str:
        """Where it leads, without secrets."""

    def send(self, message: Message) -> str:
        """Deliver a message; give what the other side answered.

        Raises:
            DeliveryError: it was not taken, or nobody knows whether it was.
        """


class Webhook:
    """Posts the message as it is, signed."""

    def __init__(self, url: str, secret: bytes, ca: str | None) -> None:
        """Make one.

        Raises:
            WrongChannelError: the URL is none, or what it sends could be read on the way.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongChannelError("webhook: no es una URL https://")
        if parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise WrongChannelError(
                "webhook: sin https sólo dentro de este equipo: lleva datos de los servidores"
            )
        self._url, self._secret, self._verify = url, secret, ca or True
        self.shown = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"

    def send(self, message: Message) -> str:
        """Deliver a message."""
        import requests  # where it is used: without channels nobody needs it

        body = message.contenido.encode()
        identity = f"msg_{message.clave}"
        headers = signature.headers(self._secret, identity, int(time.time()), body)
        try:
            with requests.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "compliance", **headers},
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
                verify=self._verify,
                stream=True,  # nobody reads what it answers besides
            ) as response:
                said = f"respondió {response.status_code}"
                if not 200 <= response.status_code < 300:
                    raise DeliveryError(said, _retry_after(response.headers))
                return said
        except requests.Timeout:
            raise DeliveryError(f"{self.shown}: no respondió a tiempo") from None
        except (requests.RequestException, OSError) as error:
            raise DeliveryError(f"{self.shown}: {_root_of(error)}") from None


class Service:
    """Sends text through apprise."""

    def __init__(self, url: str) -> None:
        """Make one.

        Raises:
            WrongChannelError: apprise knows no such URL.
        """
        from apprise import Apprise, AppriseAsset  # it takes half a second: where it is used

        self._apprise = Apprise(asset=AppriseAsset(app_id="compliance", app_desc="compliance"))
        if not self._apprise.add(url):
            scheme = url.partition("://")[0][:20] if "://" in url else "…"
            raise WrongChannelError(
                f"'{scheme}://...' no es una URL que apprise conozca, o le falta algo; vea "
                "https://appriseit.com"
            )
        service = self._apprise[0]
        self._room = int(service.body_maxlen)
        shown: str = service.url(privacy=True)  # type: ignore[no-untyped-call]
        self.shown = shown.partition("?")[0]
        self._secrets = _hidden(url, shown)

    def send(self, message: Message) -> str:
        """Deliver a message."""
        from apprise import NotifyFormat, NotifyType

        said = say_plainly(json.loads(message.contenido), self._room)
        kind = NotifyType.WARNING if said.open else NotifyType.SUCCESS
        result = self._apprise.notify(
            body=said.body,
            title=said.title,
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
        )
        if not result:
            reasons = [e.message for e in result.logs() if e.level in ("WARNING", "ERROR")]
            raise DeliveryError(self._redacted("; ".join(reasons) or "apprise no dice por qué"))
        return "lo aceptó"

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "****")
        return text


def _hidden(url: str, shown: str) -> list[str]:
    """Give the parts of a URL that apprise hides when it shows it: the longest first."""
    parts = set(re.split(r"[/:@?&=,#]+", url)) - set(re.split(r"[/:@?&=,#]+", shown))
    parts |= {unquote(part) for part in parts}
    return sorted((part for part in parts if len(part) >= 4), key=len, reverse=True)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _root_of(error: BaseException) -> str:
    """Say why at bottom: what is above names the URL, whose path and query may hold a secret."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    said = getattr(error, "strerror", None) or (str(error) if isinstance(error, OSError) else None)
    return said or type(error).__name__


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if re.fullmatch("[0-9]{1,6}", text) else 0.0


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
