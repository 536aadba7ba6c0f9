"""Bodies about factors."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from authapi.clock import as_datetime
from authapi.crypto.challenges import Binding
from authapi.db.factors import ListedFactor
from authapi.services.accounts.names import trimmed
from authapi.services.factors.passkey_ceremonies import RelyingParty
from authapi.services.factors.sent import SentFactor
from authapi.web.passkey_schemas import PasskeyProof
from authapi.web.schemas import EXAMPLE_ID, EXAMPLE_PASSWORD, Body, Text

EXAMPLE_AUTH_SESSION = "Vt3nQ0xkJm8yS5aWcLr2HdZp7bGfE1uoTiKs9NqYh4M"
EXAMPLE_CODE = "492039"
EXAMPLE_RECOVERY_CODE = "M5XW6-YTBOI-7Q2LK-D4WVA-NZ3RE"
EXAMPLE_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - that of RFC 6238
EXAMPLE_URI = (
    f"otpauth://totp/auth.example:ada@example.com?secret={EXAMPLE_SECRET}&issuer=auth.example"
    "&algorithm=SHA1&digits=6&period=30"
)

Code = Annotated[Text, Field(max_length=64)]
FactorName = Annotated[Text, AfterValidator(trimmed), Field(max_length=64)]


def _one_of(body: BaseModel, names: tuple[str, ...]) -> None:
    if sum(getattr(body, name) is not None for name in names) != 1:
        raise ValueError(f"Give one of {', '.join(names[:-1])} and {names[-1]}")


class SecondFactor(Body):
    """One of the ways to prove a second factor."""

    ONE_OF: ClassVar[tuple[str, ...]] = ("totp_code", "recovery_code", "passkey")

    totp_code: Code | None = Field(None, examples=[EXAMPLE_CODE])
    recovery_code: Code | None = Field(None, examples=[EXAMPLE_RECOVERY_CODE])
    passkey: PasskeyProof | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        _one_of(self, self.ONE_OF)
        return self

    def sent_factor(self, rp: RelyingParty, at: float, binding: Binding) -> SentFactor:
        """Return the factor that was sent, for a log-in that waits or for who is logged in."""
        method = next(name for name in SecondFactor.ONE_OF if getattr(self, name) is not None)
        if self.passkey:
            answer = self.passkey.answered(at)
            return SentFactor(method, answer=answer, binding=binding, rp=rp)
        return SentFactor(method, getattr(self, method))


class ContinuedLogin(SecondFactor):
    """The `auth_session` of the answer before, and one of the others."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"auth_session": EXAMPLE_AUTH_SESSION, "totp_code": EXAMPLE_CODE}]
        }
    )

    auth_session: Code = Field(examples=[EXAMPLE_AUTH_SESSION])


class Reauthentication(SecondFactor):
    """One of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": EXAMPLE_PASSWORD}]})
    ONE_OF: ClassVar[tuple[str, ...]] = ("password", *SecondFactor.ONE_OF)

    password: Text | None = Field(None, examples=[EXAMPLE_PASSWORD])


class NewFactor(Body):
    name: FactorName | None = Field(None, examples=["Telephone"])


class FactorChange(Body):
    """`null` takes the name away."""

    name: FactorName | None = Field(examples=["Old telephone"])


class TotpConfirmation(Body):
    id: Code = Field(examples=[EXAMPLE_ID])
    code: Code = Field(examples=[EXAMPLE_CODE])


class TotpInfo(BaseModel):
    """Shown once. `otpauth_uri` is what a QR code holds."""

    id: str = Field(examples=[EXAMPLE_ID])
    secret: str = Field(examples=[EXAMPLE_SECRET])
    otpauth_uri: str = Field(examples=[EXAMPLE_URI])


class NewRecoveryCodes(BaseModel):
    """Shown once."""

    recovery_codes: list[str] = Field(examples=[[EXAMPLE_RECOVERY_CODE]])


class FactorInfo(BaseModel):
    """A factor in force. The last four are null but for their kinds."""

    id: str = Field(examples=[EXAMPLE_ID])
    kind: str = Field(examples=["totp"])
    name: str | None = Field(examples=["Telephone"])
    created_at: datetime
    last_used_at: datetime | None
    remaining: int | None = Field(description="Recovery codes that were not used.")
    provider: str | None = Field(description="Of an identity.")
    backup_eligible: bool | None = Field(description="Of a passkey: it can be copied.")
    backed_up: bool | None = Field(description="Of a passkey: it was copied.")

    @classmethod
    def of(cls, factor: ListedFactor) -> Self:
        used = factor.last_used_at
        return cls(
            id=factor.id,
            kind=factor.kind,
            name=factor.name,
            created_at=as_datetime(factor.created_at),
            last_used_at=None if used is None else as_datetime(used),
            remaining=factor.remaining,
            provider=factor.provider,
            backup_eligible=factor.backup_eligible,
            backed_up=factor.backed_up,
        )
