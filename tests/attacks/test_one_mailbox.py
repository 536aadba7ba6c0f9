# ruff: noqa: RUF001 - letters and dots that look alike are what this is about
"""One mailbox is one account, and two mailboxes are two.

The kind: a name that is compared in another way than those do who act on it. Mail goes where the
DNS leads, by the A-label of a domain (IDNA 2008; UTS 46 without transitional processing). A form
of ours beside it let one mailbox have two accounts, and two owners be one.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authapi.errors import InvalidField
from authapi.services.accounts.names import canonical_email, find_a_label, parse_email
from tests.support.api import PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only

ONE_MAILBOX = {
    "ada@bücher.example": (
        *("ada@xn--bcher-kva.example", "ada@XN--BCHER-KVA.EXAMPLE", "ADA@BÜCHER.EXAMPLE"),
        *("ada@bücher。example", "ada@bücher．example", "ada@bücher｡example"),
        *("ada@bu\u0308cher.example", "ａｄａ@ｂüｃｈｅｒ.ｅｘａｍｐｌｅ"),
    ),
    "ada@example.org": ("ada@example。org", "ada@example．org", "Ada@EXAMPLE｡ORG"),
    "ada@faß.example": ("ada@xn--fa-hia.example", "ADA@FAß.EXAMPLE", "ada@faß。example"),
    "ada@例え.jp": ("ada@例え。jp", "ada@xn--r8jz45g.jp", "ada@xn--R8JZ45G.JP"),
    "ada@βόλος.gr": ("ada@ΒΌΛΟς.GR", "ada@xn--nxasmm1c.gr"),
}
TWO_MAILBOXES = (
    ("ada@faß.example", "ada@fass.example"),
    ("ada@xn--fa-hia.example", "ada@FASS.example"),
    ("ada@βόλος.gr", "ada@βόλοσ.gr"),
    ("ada@bücher.example", "ada@bucher.example"),
    ("ada@bücher.example", "ada@buecher.example"),
)
NO_DOMAIN = (
    *("ada@-example.org", "ada@example-.org", "ada@ex_ample.org", "ada@exa mple.org", "ada@.org"),
    *(
        "ada@example..org",
        "ada@example。。org",
        "ada@☃.example",
        "ada@🦄.example",
        "ada@⒈example.org",
    ),
    *("ada@ab--cd.example", "ada@xn--.example", "ada@xn--a.example", "ada@xn--\u00fc.example"),
    *("ada@xn--fass-.example", "ada@xn---bbk.example", "ada@xn--zzzzzzzzzzzzzzzzzzzz.example"),
    *("ada@\u0301a.example", "ada@" + "b" * 64 + ".example", "ada@" + "ü" * 63 + ".example"),
)
pairs = [(typed, other) for typed, others in ONE_MAILBOX.items() for other in others]


def register(api: Api, email: str, password: str = PASSWORD) -> int:
    body = {"email": email, "password": password}
    return api.client.post("/register", json=body).status_code


def shown(api: Api, email: str, password: str = PASSWORD) -> str:
    tokens = api.login(email, password)
    return str(api.expect(200, "GET", "/me", headers=tokens.bearer).json()["email"])


@sqlite_only
@pytest.mark.parametrize(("typed", "other"), pairs)
def test_one_mailbox_is_one_account_however_it_is_typed(api: Api, typed: str, other: str) -> None:
    assert register(api, typed) == 201
    assert register(api, other) == 409
    assert shown(api, other) == typed


@sqlite_only
@pytest.mark.parametrize(("typed", "other"), pairs)
def test_it_may_be_typed_in_either_form_first(api: Api, typed: str, other: str) -> None:
    assert register(api, other) == 201
    assert register(api, typed) == 409
    assert shown(api, typed) == other


@sqlite_only
@pytest.mark.parametrize(("one", "other"), TWO_MAILBOXES)
def test_two_mailboxes_are_two_accounts(api: Api, one: str, other: str) -> None:
    first, second = "the first one's passphrase", "the second one's passphrase"
    assert register(api, one, first) == 201
    assert register(api, other, second) == 201
    assert (shown(api, one, first), shown(api, other, second)) == (one, other)
    for email, password in ((one, second), (other, first)):
        answer = api.client.post("/login", json={"email": email, "password": password})
        assert answer.status_code == 401


@sqlite_only
@pytest.mark.parametrize("email", NO_DOMAIN)
def test_a_domain_that_cannot_exist_is_told_so(api: Api, email: str) -> None:
    body = {"email": email, "password": PASSWORD}
    answer = api.expect(422, "POST", "/register", json=body).json()
    [error] = answer["errors"]
    assert (error["loc"], error["type"]) == (["body", "email"], "email_invalid")
    assert error["msg"] == "The part behind the @ is not a domain that can exist."
    assert api.client.post("/login", json=body).status_code == 401


def test_a_mail_has_to_fit_its_address_in_ascii() -> None:
    """254 characters, of the form that every mail server knows."""
    label = "ü" * 40 + "."  # 47 characters in ASCII
    short, long = ("a" * 64 + "@" + label * labels + "example" for labels in (2, 4))
    assert parse_email(short) == short
    assert len(long) < 254 < len(canonical_email(long))
    with pytest.raises(InvalidField):
        parse_email(long)


@sqlite_only
def test_spellings_of_an_unknown_address_share_their_limit(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="3/hour")
    spellings = ("ada@bücher.example", *ONE_MAILBOX["ada@bücher.example"])
    tried = [
        api.client.post("/login", json={"email": email, "password": "wrong"}).status_code
        for email in spellings
    ]
    assert tried == [401] * 3 + [429] * (len(spellings) - 3)


@given(st.text(alphabet=st.characters(), max_size=60), st.text(max_size=60))
def test_comparing_an_address_is_stable(name: str, domain: str) -> None:
    folded = canonical_email(f"{name}@{domain}")
    assert canonical_email(folded) == folded


@given(st.text(alphabet=st.sampled_from("abz019-\u00fc\u00df\u3002\u0301\u0430\u05d0\u200d.xn")))
def test_any_domain_has_an_a_label_or_none(domain: str) -> None:
    for text in (domain, f"xn--{domain}", f"{domain}.example"):
        a_label = find_a_label(text)
        if a_label is not None:
            assert a_label.isascii()
            assert a_label == a_label.lower()
            assert find_a_label(a_label) == a_label


@given(st.from_regex(r"[a-z0-9.+-]{1,20}@[a-zA-Z0-9.-]{1,40}", fullmatch=True))
def test_an_ascii_address_is_compared_as_before(email: str) -> None:
    assert canonical_email(email) == email.lower()
