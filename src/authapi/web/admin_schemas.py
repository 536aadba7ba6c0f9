"""Queries and bodies under `/admin`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from authapi.clock import as_datetime
from authapi.db.user_pages import ListedUser
from authapi.db.users import Account
from authapi.services.accounts.administration import Change, Rename
from authapi.services.accounts.scopes import joined
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import EventType
from authapi.web.schemas import (
    EXAMPLE_PASSWORD,
    Body,
    Locale,
    Name,
    Profile,
    Text,
    require_plain_text,
)

# As the document says them: pydantic takes a number for a moment, and `on` for a boolean.
MOMENT, BOOLEAN = (
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].{1,40}", re.ASCII),
    re.compile("true|false"),
)


def spelled(text: str | None, form: re.Pattern[str], like: str) -> str | None:
    """Return the text of a query. Raises ValueError unless it has the form."""
    if text is None or form.fullmatch(text):
        return text
    raise ValueError(f"has to be {like}")


Searched = Annotated[
    str | None,
    Query(
        max_length=254, description="A text in the address or username, or the beginning of the id."
    ),
    AfterValidator(lambda text: text and require_plain_text(text)),
]
Plain = Annotated[
    str | None,
    Query(max_length=64),
    AfterValidator(lambda text: text and require_plain_text(text)),
]
# In place: FastAPI would name a schema of its own for it, and generated clients a type.
TYPES = {"title": "Type", "type": "string", "enum": [kind.value for kind in EventType]}
Since = Annotated[
    AwareDatetime | None,
    BeforeValidator(lambda text: spelled(text, MOMENT, "like 2026-11-26T10:00:00Z")),
    Query(description="RFC 3339. This moment and later ones."),
]
IsDisabled = Annotated[
    bool | None, BeforeValidator(lambda text: spelled(text, BOOLEAN, "`true` or `false`"))
]

Scopes = Annotated[list[Text], Field(max_length=1500, examples=[["reports:read"]])]


class UserCreation(Body):
    """Without `password`, a mail asks the user to choose one."""

    email: Name = Field(examples=["ada@example.com"])
    username: Name | None = Field(None, examples=["ada"])
    scopes: Scopes | None = None
    password: Text | None = Field(None, examples=[EXAMPLE_PASSWORD])
    locale: Locale


class UserChange(Body):
    """What is left out, or null, stays. But `"username": null` takes the name away."""

    disabled: bool | None = Field(None, strict=True)
    scopes: Scopes | None = None
    email: Name | None = Field(None, examples=["ada@new.example"])
    email_verified: bool | None = Field(None, strict=True)
    username: Name | None = Field(None, examples=["countess"])

    def as_change(self, usernames: Usernames) -> Change:
        """Return the change. Raises InvalidField."""
        is_named = "username" in self.model_fields_set
        return Change(
            is_disabled=self.disabled,
            scopes=None if self.scopes is None else joined(self.scopes),
            email=self.email,
            is_verified=self.email_verified,
            rename=Rename(usernames, self.username) if is_named else None,
        )


class UserInfo(Profile):
    disabled: bool
    last_login_at: datetime | None = Field(description="Of log-ins of which the event is kept.")
    factors: dict[str, int] = Field(
        description="How many of each kind.", examples=[{"totp": 1, "recovery_codes": 1}]
    )

    @classmethod
    def new(cls, account: Account) -> Self:
        """Return an account that was just made."""
        profile = Profile.of(account).model_dump()
        return cls(**profile, disabled=False, last_login_at=None, factors={})

    @classmethod
    def listed(cls, user: ListedUser, factors: Mapping[str, int]) -> Self:
        last = user.last_login_at
        return cls(
            id=user.id,
            email=user.email,
            email_verified=user.email_verified_at is not None,
            username=user.username,
            scopes=user.scopes.split(),
            created_at=as_datetime(user.created_at),
            disabled=user.disabled_at is not None,
            last_login_at=None if last is None else as_datetime(last),
            factors=dict(factors),
        )


class UserPage(BaseModel):
    """A page of a search may be short, or empty, and have a `next_cursor`: go on until null."""

    users: list[UserInfo]
    next_cursor: str | None
