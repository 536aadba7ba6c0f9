"""Request and response bodies. Rules that a type can't state are in services/."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from authapi.clock import as_datetime
from authapi.db.models import Transport
from authapi.db.sessions import StoredSession
from authapi.db.users import Account
from authapi.services.accounts.names import has_control_characters, trimmed


def require_plain_text(text: str) -> str:
    """For pydantic's AfterValidator, on any text field. Raises ValueError."""
    if has_control_characters(text):
        raise ValueError("Control characters are not allowed.")
    return text


# No name and no password is longer. The rules in services/ are narrower.
Text = Annotated[str, Field(max_length=1024), AfterValidator(require_plain_text)]
# An e-mail address or a username.
Name = Annotated[Text, AfterValidator(trimmed)]
Token = Annotated[str, AfterValidator(require_plain_text)]

Resource = Annotated[
    str | None,
    AfterValidator(lambda text: text and require_plain_text(text)),
    Field(description="The one service that the access token is for.", examples=["reports"]),
]

MAX_MEMBERS = 20  # of a body

# In place: FastAPI would name a schema of its own for it, and generated clients a type.
TRANSPORTS = {"title": "Transport", "type": "string", "enum": [name.value for name in Transport]}
EXAMPLE_TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6Ij…"  # noqa: S105
EXAMPLE_ID = "p4RQpYBpOU1R1Hn0nUdM2Q"
EXAMPLE_PASSWORD = "correct horse battery staple"  # noqa: S105


class Body(BaseModel):
    """A field that is not known is refused: a typing error must not pass for an answer."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, sent: object) -> object:
        # Before each is read: every field that is not known costs an error.
        if isinstance(sent, dict) and len(sent) > MAX_MEMBERS:
            message = f"A body has at most {MAX_MEMBERS} members"
            raise PydanticCustomError("too_many_members", message)
        return sent


Locale = Annotated[
    str | None,
    Field(None, max_length=35, examples=["de"], description="The language of mails (BCP 47)."),
]


class Registration(Body):
    email: Name = Field(examples=["ada@example.com"])
    password: Text = Field(examples=[EXAMPLE_PASSWORD])
    username: Name | None = Field(None, examples=["ada"])
    locale: Locale


class WantedSession(Body):
    """What every log-in may say of its session. Beside other bases it comes first: shown last."""

    transport: Annotated[Transport, WithJsonSchema(TRANSPORTS)] = Transport.BEARER
    resource: Resource = None
    remember: bool = Field(
        default=True,
        strict=True,
        description="False: cookies without Max-Age, and the session ends after a day unused.",
    )


class Credentials(Body):
    email: Name | None = Field(None, examples=["ada@example.com"])
    username: Name | None = Field(None, examples=["ada"])
    password: Text = Field(examples=[EXAMPLE_PASSWORD])

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise ValueError("Give one of email and username")
        return self


class Login(WantedSession, Credentials):
    """`password`, and one of `email` and `username`. A username with an `@` is the address."""

    # An example of the whole: one that is put together from the fields' has both names.
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": EXAMPLE_PASSWORD}]}
    )


class CsrfToken(BaseModel):
    csrf_token: str


class Refresh(Body):
    refresh_token: Token | None = Field(None, examples=[EXAMPLE_TOKEN])
    resource: Resource = None


class Logout(Body):
    refresh_token: Token | None = Field(None, examples=[EXAMPLE_TOKEN])


class ProfileChange(Body):
    """`null` takes the username away."""

    username: Name | None = Field(examples=["countess"])


class PasswordChange(Body):
    current_password: Text = Field(examples=[EXAMPLE_PASSWORD])
    new_password: Text = Field(examples=["a new and much longer phrase"])


class PasswordProof(Body):
    password: Text = Field(examples=[EXAMPLE_PASSWORD])


class TokenResponse(BaseModel):
    """RFC 6749 section 5.1. Each `expires_in` is seconds from now.

    What a transport puts into a cookie is left out.
    """

    access_token: str | None = Field(None, examples=[EXAMPLE_TOKEN])
    token_type: Literal["Bearer"] | None = None
    expires_in: int = Field(examples=[900])
    refresh_token: str | None = Field(None, examples=[EXAMPLE_TOKEN])
    refresh_expires_in: int | None = Field(None, examples=[604800])
    authorization_expires_in: int = Field(
        examples=[2592000],
        description="Until the session ends, however often it is refreshed.",
    )
    scope: str = Field(examples=["reports:read"])
    session_id: str = Field(examples=[EXAMPLE_ID])
    csrf_token: str | None = Field(None, description="Cookie transports; constant for a session.")
    rotated: bool | None = Field(
        None, description="Cookie transports: whether the refresh cookie is a new one."
    )


class Profile(BaseModel):
    id: str = Field(examples=[EXAMPLE_ID])
    email: str = Field(examples=["ada@example.com"])
    email_verified: bool
    username: str | None = Field(examples=["ada"])
    scopes: list[str] = Field(examples=[["reports:read"]])
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            email=account.email,
            email_verified=account.email_verified_at is not None,
            username=account.username,
            scopes=account.scopes.split(),
            created_at=as_datetime(account.created_at),
        )


class SessionInfo(BaseModel):
    id: str = Field(examples=[EXAMPLE_ID])
    current: bool
    transport: str = Field(examples=["bearer"])
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None = Field(examples=["curl/8.5.0"])
    ip: str | None = Field(examples=["192.0.2.7"])

    @classmethod
    def of(cls, session: StoredSession, current_sid: str) -> Self:
        return cls(
            id=session.sid,
            current=session.sid == current_sid,
            transport=session.transport,
            created_at=as_datetime(session.created_at),
            last_used_at=as_datetime(session.last_used_at),
            expires_at=as_datetime(session.expires_at),
            user_agent=session.user_agent,
            ip=session.ip,
        )


class JwkSet(BaseModel):
    """RFC 7517 section 5: public members, `kid`, `alg` and `use` of each key."""

    keys: list[dict[str, str]]


class ServerMetadata(BaseModel):
    """RFC 8414 section 2. `revocations_uri` is ours; there are no OAuth flows to name."""

    issuer: str = Field(examples=["https://auth.example"])
    response_types_supported: list[str]
    grant_types_supported: list[str]
    jwks_uri: str | None = None
    revocations_uri: str


class RevocationPage(BaseModel):
    """`as_of`: the database's time of what is told. `sessions`: sid to when it may be forgotten.

    `reissued`: sid to the `iat` before which its tokens are refused. `keys`: compromised kids.
    """

    as_of: float = Field(examples=[1800000000.5])
    cursor: str = Field(examples=["1800000000.5"])
    sessions: dict[str, int] = Field(examples=[{EXAMPLE_ID: 1800003690}])
    reissued: dict[str, int]
    keys: list[str]


class Health(BaseModel):
    status: str = Field(examples=["ok"])


class ReadyPart(BaseModel):
    """`state`: `ok`, `warning`, `failed`, or `unknown` while the database does not answer."""

    name: str = Field(examples=["database"])
    state: str = Field(examples=["ok"])
    detail: str = Field(examples=["It is good."])


class Readiness(Health):
    """`warnings` are sentences for an operator."""

    warnings: list[str]
    parts: list[ReadyPart]


class ErrorBody(BaseModel):
    error: str
    error_description: str


class FieldError(BaseModel):
    loc: list[str | int]
    msg: str
    type: str


class ValidationErrorBody(ErrorBody):
    errors: list[FieldError]


class NotReadyBody(ErrorBody):
    not_ready: list[str] = Field(examples=[["database"]])
    warnings: list[str]
    parts: list[ReadyPart]
