"""The setting AUTHAPI_IDENTITY_PROVIDERS: whose ID tokens are accepted, as JSON.

Each provider is an object of exactly `name`, `issuer` and `audiences`. No sentence repeats a value.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from authapi.config.values import page_url, visible_text
from authapi.verifier.strict_json import read_json

MOST_PROVIDERS, MOST_AUDIENCES, MAX_AUDIENCE, MAX_ISSUER = 20, 50, 200, 300
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
SHAPE = (
    'has to be a JSON list such as [{"name": "google", "issuer": "https://accounts.google.com", '
    '"audiences": ["your client id"]}]'
)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A provider. `issuer` is the exact `iss` of its ID tokens, `audiences` are your client ids."""

    name: str
    issuer: str
    audiences: tuple[str, ...]


def read_providers(given: object) -> tuple[IdentityProvider, ...]:
    """Return the providers of JSON text, or of a list. Raises ValueError."""
    if isinstance(given, str):
        given = _read(given)
    if not isinstance(given, list | tuple):
        raise ValueError(SHAPE)  # noqa: TRY004 - pydantic makes a sentence of a ValueError
    if len(given) > MOST_PROVIDERS:
        raise ValueError(f"takes at most {MOST_PROVIDERS} providers")
    providers = tuple(map(_provider, given))
    _refuse_twice("name", [provider.name for provider in providers])
    _refuse_twice("issuer", [provider.issuer.rstrip("/") for provider in providers])
    return providers


def as_json(providers: Iterable[IdentityProvider]) -> str:
    """Return the setting as `.env` takes it."""
    return json.dumps([asdict(provider) for provider in providers])


def _read(text: str) -> object:
    try:
        return read_json(text.encode()) if text else ()
    except ValueError:
        raise ValueError(SHAPE) from None


def _provider(given: object) -> IdentityProvider:
    members: Any = asdict(given) if isinstance(given, IdentityProvider) else given
    if not isinstance(members, dict) or members.keys() != {"name", "issuer", "audiences"}:
        raise ValueError("has to give each provider name, issuer and audiences, and nothing else")
    name, issuer, audiences = members["name"], members["issuer"], members["audiences"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError("takes names of 1 to 32 small letters, digits, - and _, such as google")
    return IdentityProvider(name, _issuer(issuer), _audiences(audiences))


def _issuer(given: object) -> str:
    if not isinstance(given, str) or len(given) > MAX_ISSUER:
        raise ValueError("takes an issuer that is a URL, as it stands in iss")
    try:
        issuer = page_url(given)
    except ValueError as problem:
        raise ValueError(f"takes an issuer that {problem}") from None
    if "?" in issuer:
        raise ValueError("takes an issuer without a query, as it stands in iss")
    return issuer


def _audiences(given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not 0 < len(given) <= MOST_AUDIENCES:
        raise ValueError(
            f"takes audiences as a list of 1 to {MOST_AUDIENCES} client ids for each provider"
        )
    for audience in given:
        if not isinstance(audience, str) or len(audience) > MAX_AUDIENCE:
            raise ValueError(f"takes audiences of at most {MAX_AUDIENCE} characters")
        try:
            visible_text(audience)
        except ValueError:
            raise ValueError("takes audiences of visible characters without spaces") from None
    return tuple(given)


def _refuse_twice(what: str, values: Collection[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"has one {what} twice: give a provider one entry, with all its audiences")
