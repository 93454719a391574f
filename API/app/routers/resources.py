"""`/servers`, `/procesos`, ...: what is stored, as JSON, CSV, NDJSON or XLSX."""

from flask import Blueprint

from API.app.controllers import resources

blueprint = Blueprint("resources", __name__)

for name, view in resources.views():
    blueprint.add_url_rule(f"/{name}", name, view, strict_slashes=False)
    blueprint.add_url_rule(f"/{name}.<formato:formato>", f"{name}_as", view)
