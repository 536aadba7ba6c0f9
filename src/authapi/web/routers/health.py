"""Is the process alive, and can it serve?"""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from authapi.services.operation.readiness import warnings, what_is_not_ready
from authapi.web.dependencies import AppParts
from authapi.web.schemas import Health, NotReadyBody, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Can it serve?",
    response_model=Readiness,
    responses={
        503: {
            "model": NotReadyBody,
            "description": "It can't; `not_ready` says why.",
            "headers": {"Retry-After": {"schema": {"type": "string"}}},
        }
    },
)
def readyz(parts: AppParts) -> Readiness | Response:
    missing = what_is_not_ready(parts.db, parts.keys.ring, parts.revocations)
    if not missing:
        return Readiness(status="ready", warnings=warnings(parts.revocations))
    body = NotReadyBody(
        error="unavailable",
        error_description=f"Not ready: {', '.join(missing)}.",
        not_ready=missing,
    )
    return JSONResponse(body.model_dump(), 503, {"Retry-After": "1"})
