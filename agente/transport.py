"""Sending one report over HTTP, and deciding what the collector's answer means for it.

What comes back may be anything: the collector's answer, a first-generation collector's, a
proxy's page, half an answer. Deciding is judge(), a pure function.
"""

import gzip
import json
import re
import time
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from authority import authority
from messages import one_line, why
from report import VERSION
from settings import Collector, Settings

PROBLEM = "application/problem+json"  # RFC 9457: the errors of our collector
LONGEST_PAUSE = 3600.0  # seconds; more than a collector may ask for
TOO_MANY = 429
CONNECT = 10.0  # seconds for making a connection
SILENCE = 30.0  # seconds without a byte


class Verdict(Enum):
    """What an answer means for the report that was sent."""

    DELIVERED = "entregado"
    WRONG = "mal"  # our collector says that the report is wrong
    DISPUTED = "en disputa"  # somebody else says so: it may be their own failure
    NOT_NOW = "ahora no"


class Answer(NamedTuple):
    """An answer over HTTP. ``whole`` is False when the body broke off or was too long."""

    status: int
    media_type: str = ""
    body: bytes = b""
    whole: bool = True
    retry_after: str = ""


class Outcome(NamedTuple):
    """What became of an attempt: the verdict, why in one line, seconds to wait, the answer."""

    verdict: Verdict
    reason: str = ""
    pause: float = 0.0
    answer: Answer | None = None


class Way(Protocol):
    """A way to a collector, or to one of several."""

    url: str

    def send(self, body: bytes) -> Outcome:
        """Send a gzipped report once."""

    def close(self) -> None:
        """Close the connection."""


def json_object(answer: Answer) -> dict[str, Any] | None:
    """Return an answer's JSON object, None when it is something else or not whole."""
    try:
        found = json.loads(answer.body) if answer.whole else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a whole number; True is not one."""
    return isinstance(value, int) and not isinstance(value, bool)


def judge(answer: Answer) -> Verdict:
    """Decide what an answer means.

    Delivered: 200, 201 or 202 with our ``id_serv``; a 202 with our ``id_reporte``, where the
    collector's database is away; or a 201 with any JSON object, as the first generation echoes the
    report. Wrong: 400 or 413 as our own problem document. A 400 or 413 in another form is disputed:
    the first generation answers 400 to any failure of its own, and proxies have limits too. All
    else, pages and redirects among it, means 'not now'.
    """
    found = json_object(answer)
    if answer.status in {200, 201, 202} and found is not None:
        ours = is_number(found.get("id_serv")) or answer.status == HTTPStatus.CREATED
        kept = answer.status == HTTPStatus.ACCEPTED and isinstance(found.get("id_reporte"), str)
        return Verdict.DELIVERED if ours or kept else Verdict.NOT_NOW
    if answer.status in {400, 413}:
        return Verdict.WRONG if answer.media_type == PROBLEM else Verdict.DISPUTED
    return Verdict.NOT_NOW


def parse_retry_after(value: str, now: float) -> float:
    """Return the seconds that Retry-After asks for, capped; 0 when it says nothing sensible.

    RFC 9110, section 10.2.3: seconds or an HTTP date. ``now`` is in seconds since 1970.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,12}", value):
        return min(float(value), LONGEST_PAUSE)
    from email.utils import parsedate_to_datetime  # 7 ms, seldom needed

    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
    return min(max(0.0, moment - now), LONGEST_PAUSE)


def explain(answer: Answer) -> str:
    """Return an answer in one line for the operator."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "estado desconocido"
    document = json_object(answer) or {}
    detail = document.get("detail") or document.get("title") or document.get("ERROR") or ""
    kind = "" if detail or not answer.media_type else f" ({answer.media_type})"
    broken = "" if answer.whole else ", respuesta incompleta"
    said = f": {detail}" if detail else ""
    return one_line(f"{answer.status} {phrase}{kind}{said}{broken}")[:300]


def endpoint(url: str) -> str:
    """Return where reports are posted; a URL that already names it is taken as it is."""
    return url if urlsplit(url).path.endswith("/servers") else f"{url}/servers"


def is_local(url: str) -> bool:
    """Tell whether a URL is on this host: no proxy of the environment has a part in that."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or bool(re.fullmatch(r"127(\.[0-9]{1,3}){3}", host))


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent to a URL."""
    return url.startswith("https:") or is_local(url)


def root_cause(error: BaseException) -> str:
    """Return the innermost reason of a failure, in the system's words."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        inner = inner or error.__cause__ or error.__context__
        inner = inner or next((a for a in error.args if isinstance(a, BaseException)), None)
    return why(error)


HINTS = (  # what to do about failures that do not say it
    (r"\x15\x03", "habla TLS: su URL empieza por https://"),
    ("WRONG_VERSION_NUMBER", "no habla TLS: su URL empieza por http://"),
    ("issuer", "la huella de su autoridad va en [api] huella, o sus certificados en ca"),
    ("self-signed", "la huella de su autoridad va en [api] huella, o sus certificados en ca"),
    ("mismatch", "va por un nombre de su certificado; el colector los toma de [tls] nombres"),
)


def explain_failure(error: BaseException) -> str:
    """Return why there was no answer, and what to do about it where that is known."""
    if isinstance(error, TimeoutError):  # our own deadline, whatever it interrupted
        return why(error)
    said = root_cause(error)
    return said + next((f": {hint}" for mark, hint in HINTS if mark in said), "")


def missing(error: ImportError) -> str:
    """Return which library is missing, and what to do about it."""
    return f"falta la biblioteca {error.name}; ./agente.sh la pone"


class Transport:
    """A way to one collector. Used by one thread at a time."""

    def __init__(self, settings: Settings, collector: Collector) -> None:
        self.url = endpoint(collector.url)
        self.base = self.url.removesuffix("/servers")
        self.token = ""  # what the requests bear
        self._settings, self._collector = settings, collector
        self._gzip = True
        self._session: Any = None

    def _open(self) -> Any:
        if self._session is None:
            from web import open_session

            self._session = open_session(trust=not is_local(self.url))
        return self._session

    def authority(self) -> Path | None:
        """Return what the collector's certificate is checked with. Raises OSError."""

        def fetch() -> bytes:
            from web import fetch_unchecked

            url = f"{self.base}/ca.pem"
            return fetch_unchecked(url, self._settings.plazo, trust=not is_local(url))

        return authority(self._settings, self._collector, fetch)

    def close(self) -> None:
        """Close the connection, as between two cycles: the collector would do so meanwhile."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def send(self, body: bytes) -> Outcome:
        """Send a gzipped report once, and again unpacked where gzip may be what is refused.

        The first generation does not know Content-Encoding and answers 400, others 415.
        """
        if not self._gzip:
            return self._post(gzip.decompress(body))
        outcome = self._post(body, packed=True)
        answer = outcome.answer
        if answer and answer.media_type != PROBLEM and answer.status in {400, 415}:
            outcome = self._post(gzip.decompress(body))
            self._gzip = outcome.verdict is not Verdict.DELIVERED
        return outcome

    def _post(self, body: bytes, *, packed: bool = False) -> Outcome:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **({"Content-Encoding": "gzip"} if packed else {}),
        }
        # The first generation sends the report back, with escapes and indents of its own.
        size = int.from_bytes(body[-4:], "little") if packed else len(body)  # RFC 1952, ISIZE
        return self.request("POST", self.url, headers, body, 65536 + 4 * size)

    def post_json(self, path: str, body: bytes) -> Outcome:
        """Post JSON to a path beside the reports' own."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return self.request("POST", self.base + path, headers, body)

    def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b"", most: int = 65536
    ) -> Outcome:
        """Make one request, whole within the settings' deadline; of the answer ``most`` bytes."""
        if self.token and not is_private(url):
            return Outcome(Verdict.NOT_NOW, "las credenciales sólo van por https, o a este equipo")
        try:
            session = self._open()
            answer = session.exchange(
                method,
                url,
                token=self.token,
                headers={"User-Agent": f"compliance-agente/{VERSION}", **headers},
                body=body,
                most=most,
                seconds=self._settings.plazo,
                connect=CONNECT,
                silence=SILENCE,
                verify=str(self.authority() or "") or True,
            )
        except ImportError as error:
            return Outcome(Verdict.NOT_NOW, missing(error))
        except (OSError, ValueError) as error:  # requests' own errors are OSErrors
            self.close()
            return Outcome(Verdict.NOT_NOW, explain_failure(error) + self._by_proxy())
        pause = parse_retry_after(answer.retry_after, time.time())
        by = "" if answer.media_type in {PROBLEM, "application/json"} else self._by_proxy()
        return Outcome(judge(answer), explain(answer) + by, pause, answer)

    def proxy(self) -> str:
        """Return the proxy that the environment names for the collector, "" for none.

        Raises ImportError.
        """
        if is_local(self.url):
            return ""
        from web import proxy_of

        return proxy_of(self.url)

    def _by_proxy(self) -> str:
        """Return by which proxy a request went, as what follows in a message."""
        proxy = self.proxy()
        return f", por el proxy {proxy}" if proxy else ""
