"""The console's files, each under an address of what is in it, so that browsers keep it."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, request, url_for

YEAR_S = 31_536_000


def register(app: Flask) -> None:
    """Give the templates of `app` the function `asset`, and its files their time in caches."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    def asset(name: str) -> str:
        """Give the address of a file; those of others have their version in their name."""
        if name.startswith("vendor/"):
            return url_for("static", filename=name)
        return url_for("static", filename=name, v=version(name))

    def max_age(name: str | None) -> int | None:
        named = (name or "").startswith("vendor/") or "v" in request.args
        return YEAR_S if named else None

    app.jinja_env.globals["asset"] = asset
    app.get_send_file_max_age = max_age  # type: ignore[method-assign,assignment]
