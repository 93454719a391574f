"""`/consola`: pages for people."""

from flask import Blueprint

from API.app.controllers import account, login

blueprint = Blueprint("console", __name__, url_prefix="/consola")

blueprint.add_url_rule("/entrar", "show_login", login.show_login)
blueprint.add_url_rule("/entrar", "log_in", login.log_in, methods=["POST"])
blueprint.add_url_rule("/salir", "log_out", login.log_out, methods=["POST"])
blueprint.add_url_rule("/cuenta", "show_account", account.show_account)
blueprint.add_url_rule(
    "/cuenta/clave", "change_password", account.change_password, methods=["POST"]
)
blueprint.add_url_rule("/cuenta/tokens", "create_token", account.create_token, methods=["POST"])
blueprint.add_url_rule(
    "/cuenta/tokens/<int:id_token>/revocar",
    "revoke_token",
    account.revoke_token,
    methods=["POST"],
)
blueprint.add_url_rule(
    "/cuenta/sesiones/<int:id_sesion>/cerrar",
    "end_session",
    account.end_session,
    methods=["POST"],
)
