"""Health checks: is the process alive, and can it serve?"""

from fastapi import APIRouter, Response

from authapi.services.operation.readiness import missing_parts, warnings
from authapi.web.dependencies import AppRuntime
from authapi.web.responses import as_json
from authapi.web.schemas import Health, NotReadyBody, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """The process is alive. It asks nobody."""
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
def readyz(runtime: AppRuntime) -> Readiness | Response:
    """The service can answer requests: it has its database, keys and revocations."""
    missing = missing_parts(runtime.db, runtime.tokens.keys.ring, runtime.revocations)
    if not missing:
        told = warnings(runtime.revocations, runtime.mail_sender.oldest_seconds)
        return Readiness(status="ready", warnings=told)
    body = NotReadyBody(
        error="unavailable",
        error_description=f"Not ready: {', '.join(missing)}.",
        not_ready=missing,
    )
    response = as_json(body, 503)
    response.headers["Retry-After"] = "1"
    return response
