"""What every answer says to browsers and caches, errors among them."""

from collections.abc import Iterable, Iterator

Headers = list[tuple[str, str]]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Of a page: files of ours alone, no inline code, no frame around it."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of everything else, which shows nothing and runs nothing."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TRANSPORT_SECURITY = "max-age=31536000"
"""A year. Whether names below this one have TLS too is not ours to say."""


def with_security(headers: Iterable[tuple[str, str]], *, secure: bool) -> Headers:
    """Give an answer's headers with those that protect it; `secure` is whether it goes over TLS."""
    own = {name.lower(): value for name, value in headers}
    page = own.get("content-type", "").startswith("text/html")
    protecting = {
        **ALWAYS,
        "Content-Security-Policy": PAGE_POLICY if page else DATA_POLICY,
        "Cache-Control": "no-store",
        **({"Strict-Transport-Security": TRANSPORT_SECURITY} if secure else {}),
    }
    return [*headers, *_missing(protecting, own)]


def _missing(protecting: dict[str, str], own: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in protecting.items():
        if name.lower() not in own:
            yield name, value
