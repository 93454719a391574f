"""`/consola`: pages for people, which `/` leads to."""

from flask import Blueprint

from API.app.controllers.consola import (
    account,
    agents,
    alerts,
    api,
    audit,
    changes,
    home,
    login,
    policies,
    preferences,
    pulse,
    report,
    server,
    servers,
    settings,
    then,
    trial,
    who,
)

blueprint = Blueprint("console", __name__)

blueprint.add_url_rule("/", "show_root", home.show_root)
blueprint.add_url_rule("/consola", "show_home", home.show_home, strict_slashes=False)
blueprint.add_url_rule("/consola/alta", "invite", home.invite, methods=["POST"])
blueprint.add_url_rule("/consola/servidores", "list_servers", servers.list_servers)
blueprint.add_url_rule("/consola/servidores.csv", "export_servers", servers.export_servers)
blueprint.add_url_rule("/consola/servidores/entonces", "show_then", then.show_then)
blueprint.add_url_rule("/consola/servidores/<uuid:id_agente>", "show_server", server.show_server)
blueprint.add_url_rule("/consola/politicas", "list_policies", policies.list_policies)
blueprint.add_url_rule("/consola/politicas/<id_politica>", "show_policy", policies.show_policy)
blueprint.add_url_rule(
    "/consola/politicas/<id_politica>/excepciones",
    "add_exception",
    policies.add_exception,
    methods=["POST"],
)
blueprint.add_url_rule(
    "/consola/politicas/<id_politica>/excepciones/<int:id_excepcion>/terminar",
    "end_exception",
    policies.end_exception,
    methods=["POST"],
)
blueprint.add_url_rule("/consola/informe", "show_report", report.show_report)
blueprint.add_url_rule("/consola/cambios", "list_changes", changes.list_changes)
blueprint.add_url_rule("/consola/probar", "show_trial", trial.show_trial)
blueprint.add_url_rule("/consola/probar", "run_trial", trial.run_trial, methods=["POST"])
blueprint.add_url_rule("/consola/quien", "show_who", who.show_who)
blueprint.add_url_rule("/consola/agentes", "list_agents", agents.list_agents)
blueprint.add_url_rule("/consola/agentes/alta", "show_enrolment", agents.show_enrolment)
blueprint.add_url_rule("/consola/agentes/alta", "invite_within", agents.invite, methods=["POST"])
blueprint.add_url_rule("/consola/agentes/<uuid:id_agente>", "show_agent", agents.show_agent)
blueprint.add_url_rule(
    "/consola/agentes/<uuid:id_agente>/estado", "act_on_agent", agents.act, methods=["POST"]
)
blueprint.add_url_rule(
    "/consola/agentes/<uuid:id_agente>/token", "rotate_agent", agents.rotate, methods=["POST"]
)
blueprint.add_url_rule(
    "/consola/agentes/<uuid:id_agente>/etiquetas", "label_agent", agents.label, methods=["POST"]
)
blueprint.add_url_rule("/consola/alertas", "list_alerts", alerts.list_alerts)
blueprint.add_url_rule(
    "/consola/alertas/reintentar", "retry_alerts", alerts.retry, methods=["POST"]
)
blueprint.add_url_rule("/consola/auditoria", "show_trail", audit.show_trail)
blueprint.add_url_rule("/consola/ajustes", "show_settings", settings.show_settings)
blueprint.add_url_rule("/consola/pulso", "show_pulse", pulse.show_pulse)
blueprint.add_url_rule(
    "/consola/preferencias", "keep_preference", preferences.keep_preference, methods=["POST"]
)

blueprint.add_url_rule("/consola/entrar", "show_login", login.show_login)
blueprint.add_url_rule("/consola/entrar", "log_in", login.log_in, methods=["POST"])
blueprint.add_url_rule("/consola/salir", "log_out", login.log_out, methods=["POST"])
blueprint.add_url_rule("/consola/api", "show_api", api.show_api)
blueprint.add_url_rule("/consola/cuenta", "show_account", account.show_account)
blueprint.add_url_rule(
    "/consola/cuenta/clave", "change_password", account.change_password, methods=["POST"]
)
blueprint.add_url_rule(
    "/consola/cuenta/tokens", "create_token", account.create_token, methods=["POST"]
)
blueprint.add_url_rule(
    "/consola/cuenta/tokens/<int:id_token>/revocar",
    "revoke_token",
    account.revoke_token,
    methods=["POST"],
)
blueprint.add_url_rule(
    "/consola/cuenta/sesiones/<int:id_sesion>/cerrar",
    "end_session",
    account.end_session,
    methods=["POST"],
)
