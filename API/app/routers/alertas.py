"""`/alertas`: what people were told of the servers, and what they are still to be told."""

from flask import Blueprint

from API.app.controllers import alertas

blueprint = Blueprint("alertas", __name__)

blueprint.add_url_rule("/alertas", view_func=alertas.list_alerts)
