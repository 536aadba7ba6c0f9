"""Bodies of requests that are about mails."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from authapi.web.schemas import EXAMPLE_ID, EXAMPLE_PASSWORD, Body, Locale, Name, Text

EXAMPLE_LINK_TOKEN = f"{EXAMPLE_ID}.HpmZ1l4uVnPdLq0YtXwB7aK3sFgRc8Ej"


class AskedMail(Body):
    email: Name = Field(examples=["ada@example.com"])
    locale: Locale


class LinkOrCode(Body):
    """`token` from a link; or the address that the mail went to, and its `code`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "code": "BCDF-GHJK"}]}
    )

    token: Text | None = Field(None, examples=[EXAMPLE_LINK_TOKEN])
    email: Name | None = Field(None, examples=["ada@example.com"])
    code: Text | None = Field(None, examples=["BCDF-GHJK"])

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        has_code = self.email is not None and self.code is not None
        if (self.token is not None) == has_code or (self.email is None) != (self.code is None):
            raise ValueError("give token, or email and code")
        return self


class NewPassword(LinkOrCode):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"token": EXAMPLE_LINK_TOKEN, "new_password": EXAMPLE_PASSWORD}]
        }
    )

    new_password: Text = Field(examples=["a new and much longer phrase"])
    locale: Locale


class OnlyLink(Body):
    token: Text = Field(examples=[EXAMPLE_LINK_TOKEN])


class EmailChange(Body):
    password: Text = Field(examples=[EXAMPLE_PASSWORD])
    email: Name = Field(examples=["ada@new.example"])
    locale: Locale
