"""The public keys and metadata, for services that verify our access tokens."""

from fastapi import APIRouter, Request, Response

from authapi.crypto.signing_keys import as_jwk
from authapi.services.keys.ring import KeyRing
from authapi.web.dependencies import AppRuntime
from authapi.web.responses import cacheable
from authapi.web.schemas import JwkSet, ServerMetadata

router = APIRouter(prefix="/.well-known", tags=["for services"])

METADATA_MAX_AGE_SECONDS = 3600


@router.get("/jwks.json", summary="The public keys (RFC 7517)", response_model=JwkSet)
async def jwks(request: Request, runtime: AppRuntime) -> Response:
    # Half the publishing delay: by the time a key signs, every cache has been renewed once.
    max_age = runtime.settings.key_publish_delay // 2
    keys = JwkSet(keys=_public_keys(runtime.tokens.keys.ring))
    return cacheable(request, keys.model_dump_json().encode(), max_age=max_age)


@router.get(
    "/oauth-authorization-server",
    summary="Where the rest is (RFC 8414)",
    response_model=ServerMetadata,
    response_model_exclude_none=True,
)
async def metadata(request: Request, runtime: AppRuntime) -> Response:
    issuer = runtime.settings.public_url
    has_public_keys = bool(_public_keys(runtime.tokens.keys.ring))
    document = ServerMetadata(
        issuer=issuer,
        response_types_supported=[],
        grant_types_supported=[],
        jwks_uri=f"{issuer}/.well-known/jwks.json" if has_public_keys else None,
        revocations_uri=f"{issuer}/revocations",
    )
    content = document.model_dump_json(exclude_none=True).encode()
    return cacheable(request, content, max_age=METADATA_MAX_AGE_SECONDS)


def _public_keys(ring: KeyRing) -> list[dict[str, str]]:
    return [jwk for key in ring.published() if (jwk := as_jwk(key))]
