"""`/ca.pem`: the authority of the collector's own certificate."""

from flask import Blueprint

from API.app.controllers import certificates

blueprint = Blueprint("certificates", __name__)

blueprint.add_url_rule("/ca.pem", view_func=certificates.show_authority)
