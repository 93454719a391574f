"""`/agentes`: the servers that report."""

from flask import Blueprint

from API.app.controllers import agentes

blueprint = Blueprint("agentes", __name__)

blueprint.add_url_rule("/agentes", view_func=agentes.enrol_agent, methods=["POST"])
blueprint.add_url_rule("/agentes/<uuid:id_agente>/estado", view_func=agentes.show_state)
