"""What the API is, as a document."""

from flask import Response, jsonify

from API.app.accounts.roles import Role
from API.app.controllers.parameters import refuse_unknown
from API.app.identity import require_role
from API.app.openapi.document import document


def show_document() -> Response:
    """Answer with the document."""
    require_role(Role.LECTOR)
    refuse_unknown(())
    return jsonify(document())
