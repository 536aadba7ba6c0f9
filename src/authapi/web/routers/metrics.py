"""What an operator's Prometheus reads."""

from fastapi import APIRouter, Response

from authapi.web.dependencies import AppParts

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(parts: AppParts) -> Response:
    # Here, for most are never asked: prometheus_client is a sixtieth of what a start takes.
    from authapi.web.readings import TEXT, readings

    return Response(readings(parts), media_type=TEXT)
