"""Bodies of passkeys. Names within a credential are those of WebAuthn's JSON (level 3).

A browser may add members to a credential: those that are not known are not read.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from authapi.services.factors.passkeys import Answer, Asked
from authapi.web.schemas import Body, WantedSession, require_plain_text

# Bytes as WebAuthn's JSON has them.
Base64url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$")]
CredentialId = Annotated[Base64url, Field(min_length=1, max_length=1364)]  # 1023 bytes
ClientData = Annotated[Base64url, Field(max_length=4096)]
# Names of transports that a browser has told, for the next time that it is asked.
Carrier = Annotated[str, StringConstraints(max_length=20, pattern=r"^[a-z-]+$")]
FactorName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(require_plain_text)]
AuthSession = Annotated[str, Field(max_length=128), AfterValidator(require_plain_text)]
ChallengeId = Annotated[str, Field(max_length=128), AfterValidator(require_plain_text)]


class Attestation(BaseModel):
    """AuthenticatorAttestationResponseJSON, as far as it is read."""

    clientDataJSON: ClientData  # noqa: N815 - WebAuthn's names
    attestationObject: Annotated[Base64url, Field(max_length=16384)]  # noqa: N815
    transports: Annotated[list[Carrier], Field(max_length=10)] = []


class Assertion(BaseModel):
    """AuthenticatorAssertionResponseJSON, as far as it is read."""

    clientDataJSON: ClientData  # noqa: N815
    authenticatorData: Annotated[Base64url, Field(max_length=4096)]  # noqa: N815
    signature: Annotated[Base64url, Field(max_length=1024)]
    userHandle: Annotated[Base64url, Field(max_length=88)] | None = None  # noqa: N815


class _Credential(BaseModel):
    id: CredentialId
    rawId: CredentialId  # noqa: N815
    type: Literal["public-key"]


class NewCredential(_Credential):
    """RegistrationResponseJSON: what `navigator.credentials.create` gave, by its `toJSON()`."""

    response: Attestation


class UsedCredential(_Credential):
    """AuthenticationResponseJSON: what `navigator.credentials.get` gave, by its `toJSON()`."""

    response: Assertion


class PasskeyProof(Body):
    challenge_id: ChallengeId
    credential: UsedCredential

    def answered(self, at: float) -> Answer:
        return Answer(self.challenge_id, self.credential.model_dump(), at)


class PasskeyQuestion(Body):
    auth_session: AuthSession | None = Field(
        None, description="For a second factor: of the log-in that waits."
    )


class PasskeyLogIn(WantedSession, PasskeyProof):
    pass


class PasskeyRegistration(Body):
    challenge_id: ChallengeId
    credential: NewCredential
    name: FactorName | None = Field(None, examples=["Phone"])

    def answered(self, at: float) -> Answer:
        return Answer(self.challenge_id, self.credential.model_dump(), at)

    @property
    def transports(self) -> str:
        return " ".join(dict.fromkeys(self.credential.response.transports))


class PasskeyOptions(BaseModel):
    """`options` are for `PublicKeyCredential.parse…OptionsFromJSON`. They last for 5 minutes."""

    challenge_id: str
    options: dict[str, Any]

    @classmethod
    def of(cls, asked: Asked) -> Self:
        return cls(challenge_id=asked.challenge_id, options=dict(asked.options))


class RelatedOrigins(BaseModel):
    """WebAuthn level 3, section 5.11: which origins may use the passkeys of this host."""

    origins: list[str] = Field(examples=[["https://app.example"]])


class PasskeyEndpoints(BaseModel):
    """W3C Passkey Endpoints, section 3.1: the pages where passkeys are added and managed."""

    enroll: str | None = Field(None, examples=["https://app.example/passkeys/new"])
    manage: str | None = Field(None, examples=["https://app.example/passkeys"])
