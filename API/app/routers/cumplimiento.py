"""What the policies say of one server, and what one policy says; `resources.py` has the lists."""

from flask import Blueprint

from API.app.controllers import cumplimiento

blueprint = Blueprint("cumplimiento", __name__)

blueprint.add_url_rule("/cumplimiento/puntajes", view_func=cumplimiento.list_scores)
blueprint.add_url_rule("/politicas/<id_politica>", view_func=cumplimiento.show_policy)
blueprint.add_url_rule("/agentes/<uuid:id_agente>/cumplimiento", view_func=cumplimiento.show_agent)
