"""Bodies about identities: accounts at other providers."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from authapi.db.models import Transport
from authapi.services.factors.id_tokens import MAX_ID_TOKEN_BYTES, IdToken
from authapi.web.schemas import (
    EXAMPLE_TOKEN,
    TRANSPORTS,
    Body,
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
    """The same, for who is logged in."""
