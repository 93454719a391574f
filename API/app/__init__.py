"""The collector as a Flask application."""

from flask import Flask

from API.app.collector import Collector
from API.app.errors import register_error_handlers
from API.app.routers import agentes, cambios, health, servers
from API.app.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Make the application and what it needs to store reports; `close_app` lets go of it.

    Raises:
        StorageInUseError, OSError: the storage folder cannot be used.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the order of the columns is the contract's
    app.extensions["collector"] = Collector(settings)
    register_error_handlers(app)
    for router in (servers, agentes, cambios, health):
        app.register_blueprint(router.blueprint)
    return app


def close_app(app: Flask) -> None:
    """Store what `app` has accepted, and let go of its storage folder."""
    app.extensions["collector"].close()
