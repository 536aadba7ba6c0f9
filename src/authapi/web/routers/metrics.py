"""The metrics that an operator's Prometheus reads. docs/operations.md lists them."""

from fastapi import APIRouter, Request, Response

router = APIRouter(tags=["health"])

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts and gauges for Prometheus, of all workers."""
    # Imported at the first scrape: prometheus_client is a sixtieth of a start, and few ask.
    from prometheus_client import generate_latest

    return Response(generate_latest(request.app.state.metrics), media_type=TEXT_FORMAT)
