"""`/cambios`: what began and what ceased to be true."""

from flask import Blueprint

from API.app.controllers import cambios

blueprint = Blueprint("cambios", __name__)

blueprint.add_url_rule("/cambios", view_func=cambios.list_changes)
