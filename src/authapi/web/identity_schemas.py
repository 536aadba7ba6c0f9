"""Request and response bodies of identities: accounts at other providers."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, WithJsonSchema

from authapi.clock import as_datetime
from authapi.db.identities import LinkedIdentity
from authapi.db.models import Transport
from authapi.services.factors.id_tokens import MAX_ID_TOKEN_BYTES, IdToken
from authapi.web.schemas import (
    EXAMPLE_ID,
    EXAMPLE_TOKEN,
    TRANSPORTS,
    Body,
    Locale,
    Resource,
    Text,
    Token,
)


class IdTokenProof(Body):
    provider: Text = Field(examples=["google"])
    id_token: Annotated[Token, Field(max_length=MAX_ID_TOKEN_BYTES)] = Field(
        examples=[EXAMPLE_TOKEN]
    )
    nonce: Text | None = Field(
        None,
        min_length=1,
        examples=["n-0S6_WzA2Mj"],
        description="What the app chose for this log-in, as the provider got it or before SHA-256.",
    )

    def sent(self) -> IdToken:
        return IdToken(self.provider, self.id_token, self.nonce)


class IdTokenLogin(IdTokenProof):
    transport: Annotated[Transport, WithJsonSchema(TRANSPORTS)] = Transport.BEARER
    resource: Resource = None
    remember: bool = Field(
        default=True,
        strict=True,
        description="False: cookies without Max-Age, and the session ends after a day unused.",
    )


class NewIdentity(IdTokenProof):
    locale: Locale


class IdentityInfo(BaseModel):
    id: str = Field(examples=[EXAMPLE_ID])
    kind: Literal["identity"] = "identity"
    name: str | None
    provider: str = Field(examples=["google"])
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, linked: LinkedIdentity) -> Self:
        factor = linked.factor
        used_at = factor.last_used_at
        return cls(
            id=factor.id,
            name=factor.name,
            provider=linked.provider,
            created_at=as_datetime(factor.created_at),
            last_used_at=None if used_at is None else as_datetime(used_at),
        )
