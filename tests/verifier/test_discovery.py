"""Where a verifier looks for keys and revocations, and where it never does."""

import asyncio

import pytest

from authapi.verifier.following.fetching import FetchError
from authapi.verifier.following.issuer import IssuerAddress, IssuerSite
from tests.verifier.fake_issuer import (
    ISSUER,
    JWKS,
    METADATA,
    Answer,
    FakeIssuer,
    body,
    json_body,
    out_of_reach,
    status,
)


def site_of(
    issuer: FakeIssuer,
    url: str = ISSUER,
    *,
    fetch_from: str | None = None,
    allow_http: bool = False,
) -> IssuerSite:
    address = IssuerAddress.read(url, fetch_from=fetch_from, allow_http=allow_http)
    return IssuerSite(address, issuer)


def asked(issuer: FakeIssuer) -> list[str]:
    return [str(request.url) for request in issuer.asked]


def get_keys(site: IssuerSite) -> None:
    asyncio.run(site.get_key_set(None))


def get_page(site: IssuerSite) -> None:
    asyncio.run(site.get_revocations(None, wait=0, on_new_connection=False))


def metadata(**changes: object) -> dict[str, object]:
    usual = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/k", "revocations_uri": f"{ISSUER}/r"}
    return usual | changes


def test_the_metadata_says_where_the_keys_are(issuer: FakeIssuer) -> None:
    issuer.metadata = metadata()
    issuer.instead["/k"] = json_body({})
    get_keys(site_of(issuer))
    assert asked(issuer) == [ISSUER + METADATA, f"{ISSUER}/k"]


def test_the_metadata_says_where_the_revocations_are(issuer: FakeIssuer) -> None:
    issuer.metadata = metadata()
    issuer.instead["/r"] = json_body({})
    get_page(site_of(issuer))
    assert asked(issuer)[-1] == f"{ISSUER}/r"


def test_the_metadata_is_read_once(issuer: FakeIssuer) -> None:
    async def both(site: IssuerSite) -> None:
        await asyncio.gather(
            site.get_key_set(None), site.get_revocations(None, wait=0, on_new_connection=False)
        )
        await site.get_key_set(None)

    asyncio.run(both(site_of(issuer)))
    assert issuer.count(METADATA) == 1


ABSENT: dict[str, Answer] = {
    "404": status(404),
    "401": status(401),
    "HTML": body(b"<!doctype html>"),
    "a list": json_body([]),
}


@pytest.mark.parametrize("answer", ABSENT.values(), ids=ABSENT)
def test_without_metadata_the_usual_places_are_taken(issuer: FakeIssuer, answer: Answer) -> None:
    issuer.instead[METADATA] = answer
    site = site_of(issuer)
    get_keys(site)
    get_page(site)
    assert asked(issuer)[-2:] == [ISSUER + JWKS, f"{ISSUER}/revocations"]


def test_an_issuer_with_a_path_is_looked_for_in_both_forms(issuer: FakeIssuer) -> None:
    tenant = f"{ISSUER}/tenants/one"
    issuer.instead["/tenants/one/.well-known/jwks.json"] = json_body({})
    get_keys(site_of(issuer, tenant))
    assert asked(issuer) == [
        f"{ISSUER}/.well-known/oauth-authorization-server/tenants/one",
        f"{tenant}/.well-known/oauth-authorization-server",
        f"{tenant}/.well-known/jwks.json",
    ]


def test_the_second_form_counts_where_the_first_is_another_issuers(issuer: FakeIssuer) -> None:
    tenant = f"{ISSUER}/one"
    issuer.instead[f"{METADATA}/one"] = json_body(metadata())
    issuer.instead[f"/one{METADATA}"] = json_body(metadata(issuer=tenant))
    issuer.instead["/k"] = json_body({})
    get_keys(site_of(issuer, tenant))
    assert asked(issuer)[-1] == f"{ISSUER}/k"


OTHERS = (f"{ISSUER}/", "https://auth.exampl", "HTTPS://AUTH.EXAMPLE", None, [ISSUER], "")


@pytest.mark.parametrize("named", OTHERS, ids=repr)
def test_metadata_of_another_issuer_is_refused(issuer: FakeIssuer, named: object) -> None:
    issuer.metadata = metadata(issuer=named)
    with pytest.raises(FetchError, match="Both have to be the same text") as refused:
        get_keys(site_of(issuer))
    assert f"names {str(named)!r} as its issuer" in str(refused.value)
    assert f"the issuer {ISSUER!r}" in str(refused.value)
    assert issuer.count(JWKS) == 0


@pytest.mark.parametrize("answer", [status(500), status(429), out_of_reach], ids=["5", "4", "-"])
def test_an_issuer_that_is_ill_is_not_taken_for_one_without_metadata(
    issuer: FakeIssuer, answer: Answer
) -> None:
    issuer.instead[METADATA] = answer
    with pytest.raises(FetchError):
        get_keys(site_of(issuer))
    assert issuer.count(JWKS) == 0


ELSEWHERE = (
    *("https://evil.example/k", "http://auth.example/k", "https://auth.example:444/k"),
    *("https://auth.example.evil.example/k", "https://auth.example@evil.example/k"),
    *("//evil.example/k", "/k", "file:///etc/passwd", "https://[::1/k", "", 1, None, ["x"]),
)


@pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
def test_metadata_cannot_send_a_verifier_to_another_origin(issuer: FakeIssuer, url: object) -> None:
    issuer.metadata = metadata(jwks_uri=url)
    get_keys(site_of(issuer))
    assert asked(issuer) == [ISSUER + METADATA, ISSUER + JWKS]


def test_the_issuer_can_be_reached_under_another_url(issuer: FakeIssuer) -> None:
    get_keys(site_of(issuer, fetch_from="http://authapi:8000/", allow_http=True))
    assert asked(issuer) == [f"http://authapi:8000{METADATA}", f"http://authapi:8000{JWKS}"]


def test_after_a_failure_the_places_are_found_anew(issuer: FakeIssuer) -> None:
    site = site_of(issuer)
    get_keys(site)
    site.forget_places()
    issuer.metadata = metadata()
    issuer.instead["/k"] = json_body({})
    get_keys(site)
    assert asked(issuer)[-1] == f"{ISSUER}/k"


@pytest.mark.parametrize(
    "url",
    [
        *("https://auth.example", "https://auth.example/", "https://auth.example:8443/a/b"),
        *("http://localhost:8000", "http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:80"),
        "http://auth.localhost",
    ],
)
def test_https_and_this_machine_need_no_permission(url: str) -> None:
    assert IssuerAddress.read(url, fetch_from=None, allow_http=False).issuer == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://auth.example", "http://10.0.0.1", "http://localhost.evil.example"),
        *("http://127.0.0.1.evil.example", "http://0x7f000001", "http://2130706433"),
    ],
)
def test_http_to_another_machine_must_be_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        IssuerAddress.read(url, fetch_from=None, allow_http=False)
    assert IssuerAddress.read(url, fetch_from=None, allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        *("auth.example", "ftp://auth.example", "https://", "https:///x", "https://auth.example?a"),
        *("https://auth.example?a=b", "https://auth.example#a", "https://me:pw@auth.example"),
        *("https://auth.example:99999", "https://auth.example:0", "https://[::1", "file:///keys"),
    ],
)
def test_what_is_no_issuers_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        IssuerAddress.read(url, fetch_from=None, allow_http=True)
