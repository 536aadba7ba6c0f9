"""Every AUTHAPI_ variable with its type, default and bounds. docs/configuration.md explains them.

Values come from the arguments, then the environment, then `.env` in the working directory. An
unknown AUTHAPI_ variable stops the start. Other variables in `.env` are not ours.
"""

import os
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from authapi.config import passkeys, problems, stores, value_files
from authapi.config import values as rules
from authapi.config.identity_providers import IdentityProvider, as_json, read_providers
from authapi.config.value_files import Problem
from authapi.errors import CommandError
from authapi.verifier.lifetimes import MAX_ACCESS_TOKEN_SECONDS, MAX_LEEWAY_SECONDS
from authapi.verifier.loopback import is_loopback_host

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


class Settings(BaseSettings):
    """The settings in force. Made once at the start, and never changed."""

    model_config = SettingsConfigDict(
        env_prefix=problems.PREFIX,
        env_file=".env",
        env_file_encoding="utf-8-sig",  # some editors of Windows put a mark before the first line
        dotenv_filtering="only_existing",  # compose keeps its own variables there
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: arguments, environment, .env, then unknown names to be refused."""
        strays = _strays(env_settings, dotenv_settings)
        unread = InitSettingsSource(settings_cls, dict.fromkeys(strays))
        return (
            init_settings,
            *_with_files(settings_cls, env_settings),
            *_with_files(settings_cls, dotenv_settings),
            unread,
        )

    @model_validator(mode="before")
    @classmethod
    def _read_plainly(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Drop white space around each value: a file or an editor has added it."""
        if problems_found := [value for value in values.values() if isinstance(value, Problem)]:
            raise ValueError("; ".join(map(str, problems_found)))
        return {
            name: value.strip() if isinstance(value, str) else value
            for name, value in values.items()
        }

    @model_validator(mode="after")
    def _agree_with_each_other(self) -> Self:
        if disagreements := list(self._disagreements()):
            raise ValueError("; ".join(disagreements))
        return self

    def _disagreements(self) -> Iterator[str]:
        if not (self.is_https or self.allow_insecure_http or self.is_local):
            yield (
                "AUTHAPI_PUBLIC_URL has to begin with https:// unless its host is this machine, or "
                "AUTHAPI_ALLOW_INSECURE_HTTP is true: over http anybody on the way reads the tokens"
            )
        if not self.allow_insecure_stores:
            yield from stores.exposed(self.database_url, self.redis_url)
        if self.passkey_rp_id:
            yield from passkeys.foreign_rp_id(self.passkey_rp_id, self.public_url)
        if self.cookie_samesite == "none" and not self.is_https:
            yield "AUTHAPI_COOKIE_SAMESITE=none needs an https AUTHAPI_PUBLIC_URL"
        if self.revocation_poll > self.revocation_max_staleness:
            yield "AUTHAPI_REVOCATION_POLL has to be at most AUTHAPI_REVOCATION_MAX_STALENESS"
        if self.smtp_url and not self.mail_from:
            yield "AUTHAPI_SMTP_URL needs AUTHAPI_MAIL_FROM"
        if self.breached_passwords_fail_closed and not self.breached_passwords_url:
            yield ("AUTHAPI_BREACHED_PASSWORDS_FAIL_CLOSED needs AUTHAPI_BREACHED_PASSWORDS_URL")

    @property
    def all_audiences(self) -> frozenset[str]:
        """Return every service that an access token may be for: authapi itself, and the others."""
        return frozenset((self.audience, *self.audiences))

    @property
    def is_local(self) -> bool:
        """Return whether browsers reach authapi on this machine: a developer's own."""
        return is_loopback_host(urlsplit(self.public_url).hostname or "")

    @property
    def is_https(self) -> bool:
        """Return whether cookies are `Secure`, and Strict-Transport-Security is sent."""
        return self.public_origin.startswith("https:")

    @property
    def public_origin(self) -> str:
        """Return the origin of our own pages, as browsers send it."""
        return rules.origin_of(self.public_url)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Return the secrets, at least one. The first signs and seals, all verify and open."""
        if self.secret is None:
            raise CommandError(f"AUTHAPI_SECRET is missing. Make one with {rules.HOW_TO_MAKE_ONE}.")
        return rules.secret_list(self.secret.get_secret_value())

    @property
    def database_file(self) -> Path | None:
        """Return SQLite's file, or None on PostgreSQL."""
        path = self.database_url.removeprefix("sqlite:///")
        return None if path == self.database_url else Path(path)

    @property
    def database_url_masked(self) -> str:
        return rules.mask_url(self.database_url)

    def masked(self) -> dict[str, str]:
        """Return AUTHAPI_X -> text as .env takes it, with passwords as ***."""
        return {
            problems.variable(field): _shown(getattr(self, field))
            for field in type(self).model_fields
        }


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - Settings checks the types
    """Return the settings of `overrides`, the environment and .env. Raises CommandError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        sentences = problems.sentences(error.errors(), Settings.model_fields)
        raise CommandError("\n".join(dict.fromkeys(sentences))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f".env can't be read: {error}") from error


def _with_files(
    settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """Return what the files hold that the source names, and the source."""
    assert isinstance(source, EnvSettingsSource)
    found = value_files.values(source.env_vars, Settings.model_fields, problems.PREFIX)
    return InitSettingsSource(settings_cls, dict(found)), source


def _strays(env: PydanticBaseSettingsSource, dotenv: PydanticBaseSettingsSource) -> set[str]:
    assert isinstance(env, EnvSettingsSource)
    assert isinstance(dotenv, DotEnvSettingsSource)
    strays = problems.unknown_names(env, Settings.model_fields)
    strays |= problems.unknown_names(dotenv, Settings.model_fields)
    if dotenv.env_file is not None:
        strays |= problems.unreadable_lines(Path(str(dotenv.env_file)))
    return strays


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return ",".join("***" for _ in value.get_secret_value().split(","))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        if value and isinstance(value[0], IdentityProvider):
            return as_json(value)
        return ",".join(map(str, value))
    return "" if value is None else rules.mask_url(str(value))
