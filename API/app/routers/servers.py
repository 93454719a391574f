"""`/servers`: reports come in; each can be looked at. `resources.py` has the list."""

from flask import Blueprint

from API.app.controllers import servers

blueprint = Blueprint("servers", __name__)

blueprint.add_url_rule(
    "/servers", view_func=servers.receive_report, methods=["POST"], strict_slashes=False
)
blueprint.add_url_rule("/servers/<int:id_serv>", view_func=servers.show_report)
