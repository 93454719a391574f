"""`/servers`: reports come in and are looked at."""

from flask import Blueprint

from API.app.controllers import servers

blueprint = Blueprint("servers", __name__)

blueprint.add_url_rule(
    "/servers", view_func=servers.receive_report, methods=["POST"], strict_slashes=False
)
blueprint.add_url_rule("/servers", view_func=servers.list_servers, strict_slashes=False)
blueprint.add_url_rule("/servers/<int:id_serv>", view_func=servers.show_report)
