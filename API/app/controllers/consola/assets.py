"""The console's files, each under an address of what is in it, so that browsers keep it."""

import hashlib
import zlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

from API.app.controllers.whole import takes_gzip

YEAR_S = 31_536_000
PACKED = ("text/css", "text/javascript", "image/svg+xml")


def register(app: Flask) -> None:
    """Give the templates of `app` the function `asset`, and its files their time in caches."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    @cache
    def packed(name: str) -> bytes:
        return zlib.compress((folder / name).read_bytes(), level=9, wbits=31)

    def asset(name: str) -> str:
        """Give the address of a file; those of others have their version in their name."""
        if name.startswith("vendor/"):
            return url_for("static", filename=name)
        return url_for("static", filename=name, v=version(name))

    def max_age(name: str | None) -> int | None:
        named = (name or "").startswith("vendor/") or "v" in request.args
        return YEAR_S if named else None

    def pack(response: Response) -> Response:
        if request.endpoint != "static" or response.mimetype not in PACKED:
            return response
        response.vary.add("Accept-Encoding")
        if response.status_code == 200 and takes_gzip():
            response.direct_passthrough = False
            response.set_data(packed((request.view_args or {})["filename"]))
            response.headers["Content-Encoding"] = "gzip"
        return response

    app.jinja_env.globals["asset"] = asset
    app.get_send_file_max_age = max_age  # type: ignore[method-assign,assignment]
    app.after_request(pack)
