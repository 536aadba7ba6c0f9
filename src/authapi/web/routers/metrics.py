"""What an operator's Prometheus reads."""

from fastapi import APIRouter, Response

from authapi.web.dependencies import AppRuntime

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(runtime: AppRuntime) -> Response:
    # Here, for most are never asked: prometheus_client is a sixtieth of what a start takes.
    from authapi.web.readings import TEXT, readings

    return Response(readings(runtime), media_type=TEXT)
