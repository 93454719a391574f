"""`/metrics`: for Prometheus."""

from flask import Blueprint

from API.app.controllers import metrics

blueprint = Blueprint("metrics", __name__)

blueprint.add_url_rule("/metrics", view_func=metrics.show_metrics)
