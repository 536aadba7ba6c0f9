"""The settings in force: where their values come from, and which of them contradict each other.

Values come from the arguments, then the environment, then `.env` in the working directory. An
unknown AUTHAPI_ variable stops the start. Other variables in `.env` are not ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from authapi.config import passkeys, problems, stores, value_files
from authapi.config import values as rules
from authapi.config.fields import Fields
from authapi.config.identity_providers import IdentityProvider, as_json
from authapi.config.value_files import Problem
from authapi.errors import CommandError
from authapi.verifier.loopback import is_loopback_host


class Settings(Fields):
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
        unreadable = list(stores.unreadable(self.database_url, self.redis_url))
        yield from unreadable
        if not (unreadable or self.allow_insecure_stores):
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
