"""The public keys and metadata, for services that verify our access tokens."""

from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Request, Response

from authapi.crypto.signing_keys import as_jwk
from authapi.errors import NotFound
from authapi.services.keys.ring import KeyRing
from authapi.web.dependencies import AppRuntime
from authapi.web.openapi.document import NOT_MODIFIED
from authapi.web.responses import cacheable
from authapi.web.schemas import JwkSet, ServerMetadata

router = APIRouter(prefix="/.well-known", tags=["for services"])

OAUTH, OPENID = "oauth-authorization-server", "openid-configuration"
METADATA_MAX_AGE_SECONDS = 3600


@router.get(
    "/jwks.json",
    summary="The public keys (RFC 7517)",
    response_model=JwkSet,
    responses=NOT_MODIFIED,
)
async def jwks(request: Request, runtime: AppRuntime) -> Response:
    """Return the keys that verify access tokens."""
    # Half the publishing delay: by the time a key signs, every cache has been renewed once.
    max_age = runtime.settings.key_publish_delay // 2
    keys = JwkSet(keys=_public_keys(runtime.tokens.keys.ring))
    return cacheable(request, keys.model_dump_json().encode(), max_age=max_age)


@router.get(
    f"/{OAUTH}",
    summary="Where the rest is (RFC 8414)",
    response_model=ServerMetadata,
    response_model_exclude_none=True,
    responses=NOT_MODIFIED,
)
async def metadata(request: Request, runtime: AppRuntime) -> Response:
    """Return the URLs of keys and revocations."""
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


@router.get(
    f"/{OPENID}",
    summary="The same, under the name that many libraries read",
    response_model=ServerMetadata,
    response_model_exclude_none=True,
    responses=NOT_MODIFIED,
)
async def openid_configuration(request: Request, runtime: AppRuntime) -> Response:
    """Return the URLs of keys and revocations."""
    return await metadata(request, runtime)


@router.get(f"/{OAUTH}/{{issuer_path:path}}", include_in_schema=False)
@router.get(f"/{OPENID}/{{issuer_path:path}}", include_in_schema=False)
async def metadata_at_the_host(request: Request, runtime: AppRuntime, issuer_path: str) -> Response:
    """Answer at the place for an issuer with a path: between host and path (section 3.1)."""
    own_path = unquote(urlsplit(runtime.settings.public_url).path)
    if not own_path or f"/{issuer_path}" != own_path:
        raise NotFound
    return await metadata(request, runtime)


def _public_keys(ring: KeyRing) -> list[dict[str, str]]:
    return [jwk for key in ring.published() if (jwk := as_jwk(key))]
