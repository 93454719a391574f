"""What an agent needs to trust the collector's own certificate."""

from http import HTTPStatus

from flask import Response

from API.app.collector import the_collector
from API.app.door.certificates import authority_file
from API.app.door.entrance import in_clear
from API.app.errors import ProblemError


@in_clear
def show_authority() -> Response:
    """Show the private authority's certificate; whoever asks compares it with its fingerprint."""
    settings = the_collector().settings
    if not settings.tls_self_signed:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this collector has no authority of its own")
    return Response(authority_file(settings).read_bytes(), mimetype="application/x-pem-file")
