"""Bodies about identities: accounts at other providers."""

from typing import Annotated

from pydantic import Field

from authapi.services.factors.id_tokens import MAX_ID_TOKEN_BYTES, IdToken
from authapi.web.schemas import EXAMPLE_TOKEN, Body, Text, Token, WantedSession


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


class IdTokenLogin(WantedSession, IdTokenProof):
    pass


class NewIdentity(IdTokenProof):
    """The same, for who is logged in."""
