"""Every AUTHAPI_ variable with its type, default and bounds (docs/configuration.md)."""

import os
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WrapValidator
from pydantic_settings import BaseSettings, NoDecode

from authapi.config import passkeys
from authapi.config import values as rules
from authapi.config.identity_providers import IdentityProvider, read_providers
from authapi.verifier.lifetimes import MAX_ACCESS_TOKEN_SECONDS, MAX_LEEWAY_SECONDS

YEAR = 365 * 86400


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


EmptyIsNone = BeforeValidator(rules.empty_is_none)
CommaSeparated = (NoDecode, BeforeValidator(rules.split_list))
Secret = Annotated[SecretStr, AfterValidator(rules.strong_secret)]
RedisUrl = Annotated[str, AfterValidator(partial(rules.url_with_scheme, ("redis", "rediss")))]
SmtpUrl = Annotated[str, AfterValidator(rules.smtp_url)]
PageUrl = Annotated[str, AfterValidator(rules.page_url)]
PlainPageUrl = Annotated[str, AfterValidator(rules.plain_page_url)]
RangeUrl = Annotated[str, AfterValidator(rules.range_url)]
MailAddress = Annotated[str, AfterValidator(rules.mail_address)]
Limit = Annotated[str, AfterValidator(rules.rate_limit)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(rules.network)]
Origin = Annotated[str, AfterValidator(rules.exact_origin)]
PasskeyOrigin = Annotated[str, AfterValidator(passkeys.origin)]
RpId = Annotated[str, AfterValidator(passkeys.rp_id)]
Audience = Annotated[str, Field(max_length=200), AfterValidator(rules.audience)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Overlap = Annotated[int, Field(ge=0, le=300)]
OverlapOrUntilUsed = Annotated[Overlap | Literal["until_used"], WrapValidator(rules.overlap)]


class Fields(BaseSettings):
    """The fields of Settings. A rule for two of them together is in Settings."""

    # Places. A field that may hold a password stays out of the repr.
    database_url: Annotated[str, AfterValidator(rules.database_url)] = Field(
        "sqlite:///./authapi.db", repr=False
    )
    secret: Secret | None = None
    public_url: Annotated[str, AfterValidator(rules.public_url)] = "http://localhost:8000"
    redis_url: Annotated[RedisUrl | None, EmptyIsNone] = Field(None, repr=False)
    allow_insecure_stores: bool = False

    # Tokens and sessions, in seconds
    audience: Audience = "authapi"
    audiences: Annotated[tuple[Audience, ...], *CommaSeparated] = ()
    signing_algorithm: Literal["ES256", "EdDSA", "RS256", "HS256"] = "ES256"
    # The revocation set forgets after an hour, whatever is set here (docs/revocation.md).
    access_token_ttl: int = Field(900, ge=1, le=MAX_ACCESS_TOKEN_SECONDS)
    refresh_idle_ttl: int = Field(604800, ge=1, le=10 * YEAR)
    session_ttl: int = Field(2592000, ge=1, le=10 * YEAR)
    refresh_overlap_bearer: OverlapOrUntilUsed = 0
    refresh_overlap_cookie: Overlap = 10
    max_sessions: int = Field(1000, ge=0, le=1_000_000)
    ending_sessions_needs_fresh_login: bool = False
    clock_leeway: int = Field(0, ge=0, le=MAX_LEEWAY_SECONDS)
    key_rotation_days: int = Field(90, ge=0, le=3650)
    key_publish_delay: int = Field(600, ge=0, le=7 * 86400)
    revocation_poll: Seconds = Field(1, le=60)
    revocation_max_staleness: Seconds = Field(30, le=3600)
    revocation_fail_closed: bool = False

    # Browsers and proxies
    cors_origins: Annotated[tuple[Origin, ...], *CommaSeparated] = ()
    cookie_samesite: Annotated[
        Literal["lax", "strict", "none"] | None, BeforeValidator(rules.lower), EmptyIsNone
    ] = None
    allow_insecure_http: bool = False
    trusted_proxies: Annotated[tuple[Network, ...], *CommaSeparated] = ()
    hsts: Annotated[str, AfterValidator(rules.strict_transport)] = "max-age=63072000"
    docs: bool = True
    metrics: bool = True
    passkey_rp_id: Annotated[RpId | None, EmptyIsNone] = None
    passkey_origins: Annotated[tuple[PasskeyOrigin, ...], *CommaSeparated] = ()
    passkey_enroll_url: Annotated[PlainPageUrl | None, EmptyIsNone] = None
    passkey_manage_url: Annotated[PlainPageUrl | None, EmptyIsNone] = None

    # Accounts and mail
    registration: Literal["open", "closed"] = "open"
    registration_confirms_email: bool = False
    login_needs_verified_email: bool = False
    smtp_url: Annotated[SmtpUrl | None, EmptyIsNone] = Field(None, repr=False)
    mail_from: Annotated[MailAddress | None, EmptyIsNone] = None
    mail_dir: Annotated[Path | None, EmptyIsNone] = None
    mail_templates: Annotated[Path | None, EmptyIsNone] = None
    verify_url: Annotated[PageUrl | None, EmptyIsNone] = None
    reset_url: Annotated[PageUrl | None, EmptyIsNone] = None
    undo_url: Annotated[PageUrl | None, EmptyIsNone] = None
    breached_passwords_url: Annotated[RangeUrl | None, EmptyIsNone] = None
    breached_passwords_fail_closed: bool = False
    event_retention_days: int = Field(365, ge=1, le=3650)
    purge: bool = True

    identity_providers: Annotated[
        tuple[IdentityProvider, ...], NoDecode, BeforeValidator(read_providers)
    ] = ()

    # Limits
    limit_login_address: Limit = "60/minute;600/hour"
    limit_login_pair: Limit = "10/minute;100/hour"
    limit_login_account: Limit = "1000/hour"
    limit_login_success: Limit = "60/hour"
    limit_register: Limit = "20/hour"
    limit_refresh: Limit = "60/minute"
    limit_links: Limit = "5/hour"
    hash_memory_kib: int = Field(19456, ge=1024, le=4 * 1024 * 1024)
    hash_time_cost: int = Field(2, ge=1, le=100)
    hash_concurrency: int = Field(default_factory=cores, ge=1, le=256)
    hash_queue: int = Field(64, ge=0, le=10_000)

    log_format: Literal["auto", "json", "console"] = "auto"
