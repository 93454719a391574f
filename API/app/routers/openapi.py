"""`/openapi.json`: what the API is; `console.py` has a page of it."""

from flask import Blueprint

from API.app.controllers import openapi

blueprint = Blueprint("openapi", __name__)

blueprint.add_url_rule("/openapi.json", "show_document", openapi.show_document)
