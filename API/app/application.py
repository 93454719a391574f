"""The collector as a Flask application."""

from flask import Flask

from API.app.collector import Collector
from API.app.controllers.consola import pages
from API.app.controllers.resources import FormatConverter
from API.app.controllers.whole import finish
from API.app.encoding import Json
from API.app.errors import register_error_handlers
from API.app.identity import tell_version
from API.app.ingest.channel import Address
from API.app.routers import (
    agentes,
    certificates,
    console,
    cumplimiento,
    health,
    metrics,
    openapi,
    resources,
    servers,
)
from API.app.settings import Settings

ROUTERS = (
    servers,
    agentes,
    cumplimiento,
    resources,
    openapi,
    health,
    metrics,
    certificates,
    console,
)


def create_app(settings: Settings, address: Address) -> Flask:
    """Make the application.

    Args:
        settings: of the collector.
        address: where the process that writes is to be found.
    """
    app = Flask(__name__)
    app.json = Json(app)
    app.extensions["collector"] = Collector(settings, address)
    app.url_map.converters["formato"] = FormatConverter
    register_error_handlers(app)
    app.after_request(tell_version)
    app.after_request(finish)
    pages.register(app)
    for router in ROUTERS:
        app.register_blueprint(router.blueprint)
    return app
