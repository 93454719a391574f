"""`/healthz` and `/readyz`: for whoever watches the collector."""

from flask import Blueprint

from API.app.controllers import health

blueprint = Blueprint("health", __name__)

blueprint.add_url_rule("/healthz", view_func=health.is_alive)
blueprint.add_url_rule("/readyz", view_func=health.is_ready)
