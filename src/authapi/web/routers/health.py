"""Health checks: is the process alive, and can it serve?"""

from fastapi import APIRouter, Request, Response

from authapi.services.operation.readiness import Looked, State, named, parts
from authapi.web.dependencies import AppRuntime
from authapi.web.responses import as_json
from authapi.web.runtime import Runtime
from authapi.web.schemas import Health, NotReadyBody, Readiness, ReadyPart

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
def readyz(request: Request, runtime: AppRuntime) -> Readiness | Response:
    """The service can answer requests. Every part is named, and every problem at once."""
    found = parts(_looked(runtime, is_prepared=request.app.state.start_gate.is_open))
    told = [ReadyPart(name=each.name, state=each.state, detail=each.detail) for each in found]
    warnings = [part.detail for part in named(found, State.WARNING)]
    missing = [part.name for part in named(found, State.FAILED)]
    if not missing:
        return Readiness(status="ready", warnings=warnings, parts=told)
    body = NotReadyBody(
        error="unavailable",
        error_description=f"Not ready: {', '.join(missing)}.",
        not_ready=missing,
        warnings=warnings,
        parts=told,
    )
    response = as_json(body, 503)
    response.headers["Retry-After"] = "1"
    return response


def _looked(runtime: Runtime, *, is_prepared: bool) -> Looked:
    return Looked(
        runtime.db,
        runtime.tokens.keys.ring,
        runtime.revocations,
        runtime.lookups.cache,
        is_prepared=is_prepared,
        settings=runtime.settings,
        hashes_taken=runtime.password_pool.taken_share,
        oldest_mail_seconds=runtime.mail_sender.oldest_seconds,
    )
