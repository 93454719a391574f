"""What Prometheus asks for."""

from flask import Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from API.app.collector import the_collector
from API.app.controllers.parameters import refuse_unknown
from API.app.identity import require_watcher
from API.app.metrics.asked import Found
from API.app.metrics.counted import AllCounted


def show_metrics() -> Response:
    """Show what all processes have counted, and what the database says."""
    require_watcher()
    refuse_unknown(())
    collector = the_collector()
    registry = CollectorRegistry()
    registry.register(AllCounted(collector.settings.storage))
    registry.register(Found(collector))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)
