"""Secrets, addresses and origins in the settings: what is too weak or too vague to start with."""

import json
import secrets
from ipaddress import ip_network
from pathlib import Path

import pytest

from authapi.config import load_settings
from authapi.errors import CommandError

GOOD_SECRET = "kQ8Zr3uV5yB1nM4pX7sD0fG2hJ6lA9wE"


def refusal(**overrides: object) -> str:
    with pytest.raises(CommandError) as caught:
        load_settings(**overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "x" * 64,
        "secret" * 8,
        "changeme-changeme-changeme-changeme",
        "Please-Change_Me-before-production!",
        "your-256-bit-secret-your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        f"{GOOD_SECRET},",
        f"{GOOD_SECRET},short",
        GOOD_SECRET[:31],
        GOOD_SECRET + "\n" + GOOD_SECRET,
    ],
)
def test_a_weak_secret_is_refused_and_not_shown(secret: str) -> None:
    sentence = refusal(secret=secret)
    assert sentence.startswith("AUTHAPI_SECRET ")
    assert secret == "" or secret not in sentence


def test_a_fresh_secret_is_accepted() -> None:
    for _ in range(200):
        load_settings(secret=secrets.token_urlsafe(32))


def test_thirty_two_bytes_count_not_characters() -> None:
    assert load_settings(secret="äöüßéèêñçåøæœđłž").secrets == ("äöüßéèêñçåøæœđłž".encode(),)


def test_a_list_of_secrets_keeps_its_order() -> None:
    first, second = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    assert load_settings(secret=f"{first}, {second}").secrets == (first.encode(), second.encode())


def test_a_missing_secret_is_never_an_empty_one() -> None:
    with pytest.raises(CommandError, match="AUTHAPI_SECRET is missing"):
        _ = load_settings().secrets


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spelled_as_sqlalchemy_wants_it(scheme: str) -> None:
    settings = load_settings(database_url=f"{scheme}://u:p%40w@db:5432/authapi?sslmode=require")
    assert settings.database_url == "postgresql+psycopg://u:p%40w@db:5432/authapi?sslmode=require"
    assert settings.database_file is None


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hunter2@db/authapi",
        "hunter2",
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:hunter2?mode=memory&uri=true",
        "sqlite:///folder/",
        "postgresql://",
        "postgresql://u:hunter2@db",
        "postgresql://u:hunter2@db:port/x",
        "postgresql://u:hunter2/3@db/x",
    ],
)
def test_other_databases_are_refused_without_showing_the_url(url: str) -> None:
    sentence = refusal(database_url=url)
    assert sentence.startswith("AUTHAPI_DATABASE_URL ")
    assert "hunter2" not in sentence


def test_an_absolute_sqlite_path_stays_absolute() -> None:
    assert load_settings(database_url="sqlite:////srv/a.db").database_file == Path("/srv/a.db")


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example",
        "https://auth.example/auth",
        "https://auth.example:8443",
        "http://localhost:9000",
        "http://app.localhost",
        "http://127.0.0.1",
        "http://[::1]:8000",
    ],
)
def test_a_public_url_is_kept_as_written(url: str) -> None:
    assert load_settings(public_url=url).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "auth.example",
        "ftp://auth.example",
        "https://",
        "https://auth.example/",
        "https://auth.example?x=1",
        "https://auth.example?",
        "https://auth.example#top",
        "https://auth.example/#",
        "https://user:hunter2@auth.example",
        "https://auth.example:99999",
        "https://auth.example:0",
        "https://auth example",
        "https://auth.exämple",
        "https://auth.example\\@evil.example",
        "https://[::1",
        "http://auth.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "https://auth.example/" + "x" * 280,
    ],
)
def test_a_public_url_that_cannot_be_an_issuer_is_refused(url: str) -> None:
    sentence = refusal(public_url=url)
    assert sentence.startswith("AUTHAPI_PUBLIC_URL ")
    assert "hunter2" not in sentence


def test_http_beyond_this_machine_has_to_be_asked_for() -> None:
    settings = load_settings(public_url="http://auth.example", allow_insecure_http="true")
    assert not settings.is_https


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Auth.example:443/auth", "https://auth.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_our_own_origin_is_what_browsers_send(url: str, origin: str) -> None:
    assert load_settings(public_url=url).public_origin == origin


def test_origins_are_a_list() -> None:
    settings = load_settings(cors_origins="https://a.example, http://localhost:5173,")
    assert settings.cors_origins == ("https://a.example", "http://localhost:5173")


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://a.example/", "https://a.example:443", "https://A.example", "a.example"],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    assert refusal(cors_origins=origin).startswith("AUTHAPI_CORS_ORIGINS ")


def test_proxies_are_addresses_and_networks() -> None:
    settings = load_settings(trusted_proxies="10.0.0.0/8, ::1")
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert refusal(trusted_proxies="proxy").startswith("AUTHAPI_TRUSTED_PROXIES ")
    assert refusal(trusted_proxies="10.0.0.1/8").startswith("AUTHAPI_TRUSTED_PROXIES ")


GOOGLE = {"name": "google", "issuer": "https://accounts.google.com", "audiences": ["an-id"]}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"name": "Google"}, "takes names of 1 to 32 small letters"),
        ({"name": ""}, "takes names of 1 to 32 small letters"),
        ({"name": 5}, "takes names of 1 to 32 small letters"),
        ({"issuer": "http://accounts.google.com"}, "an issuer that has to begin with https://"),
        ({"issuer": "accounts.google.com"}, "an issuer that has to be a URL"),
        ({"issuer": "https://user:hidden@a.example"}, "without a user and a password"),
        ({"issuer": "https://a.example?hidden"}, "without a query"),
        ({"issuer": "https://a.example#hidden"}, "without a fragment"),
        ({"issuer": 5}, "an issuer that is a URL"),
        ({"issuer": "https://a.example/" + "a" * 300}, "an issuer that is a URL"),
        ({"audiences": []}, "a list of 1 to 50 client ids"),
        ({"audiences": "hidden"}, "a list of 1 to 50 client ids"),
        ({"audiences": [5]}, "at most 200 characters"),
        ({"audiences": ["a" * 201]}, "at most 200 characters"),
        ({"audiences": [""]}, "visible characters"),
        ({"audiences": ["a hidden b"]}, "visible characters"),
        ({"client_secret": "hidden"}, "and nothing else"),
    ],
)
def test_a_wrong_provider_is_refused_in_a_sentence(changes: dict[str, object], part: str) -> None:
    sentence = refusal(identity_providers=json.dumps([GOOGLE | changes]))
    assert sentence.startswith("AUTHAPI_IDENTITY_PROVIDERS ")
    assert part in sentence
    assert "hidden" not in sentence


@pytest.mark.parametrize(
    "text", ["google", "{}", "5", "null", '"google"', "[", json.dumps(GOOGLE), '[{"name": 1']
)
def test_what_is_no_list_of_providers_is_refused(text: str) -> None:
    assert "has to be a JSON list such as" in refusal(identity_providers=text)


@pytest.mark.parametrize("text", ["[5]", "[[]]", "[{}]", '[{"name": "google"}]'])
def test_what_is_no_provider_is_refused(text: str) -> None:
    assert "name, issuer and audiences, and nothing else" in refusal(identity_providers=text)


@pytest.mark.parametrize(
    ("other", "what"), [({"issuer": "https://b.example"}, "name"), ({"name": "b"}, "issuer")]
)
def test_a_provider_stands_there_once(other: dict[str, str], what: str) -> None:
    twice = [GOOGLE, GOOGLE | other]
    assert f"has one {what} twice" in refusal(identity_providers=json.dumps(twice))


def test_a_repeated_member_is_refused() -> None:
    text = json.dumps([GOOGLE]).replace('"name"', '"name": "x", "name"')
    assert "has to be a JSON list" in refusal(identity_providers=text)


def test_an_issuer_with_and_without_a_slash_is_one() -> None:
    twice = [GOOGLE, {**GOOGLE, "name": "b", "issuer": "https://accounts.google.com/"}]
    assert "has one issuer twice" in refusal(identity_providers=json.dumps(twice))


def test_providers_are_read_from_text_and_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [GOOGLE, {"name": "dev", "issuer": "http://127.0.0.1:1/x/", "audiences": ["a", "b"]}]
    in_python = load_settings(identity_providers=given).identity_providers
    monkeypatch.setenv("AUTHAPI_IDENTITY_PROVIDERS", json.dumps(given))
    settings = load_settings()
    assert settings.identity_providers == in_python
    assert [provider.issuer for provider in in_python] == [str(each["issuer"]) for each in given]
    # What `authapi config` prints can be set again, and a test's settings are made of others.
    assert json.loads(settings.masked()["AUTHAPI_IDENTITY_PROVIDERS"]) == given
    assert load_settings(identity_providers=in_python).identity_providers == in_python
    assert load_settings(identity_providers="").identity_providers == ()


@pytest.mark.parametrize(
    ("host", "rp_id"),
    [
        ("auth.app.example", "auth.app.example"),
        ("auth.app.example", "app.example"),
        ("auth.shop.co.uk", "shop.co.uk"),
    ],
)
def test_passkeys_belong_to_the_host_or_a_domain_above_it(host: str, rp_id: str) -> None:
    assert load_settings(public_url=f"https://{host}", passkey_rp_id=rp_id).passkey_rp_id == rp_id


@pytest.mark.parametrize(
    "rp_id",
    [
        *("other.co.uk", "op.co.uk", "login.auth.shop.co.uk", "co.uk", "uk"),
        *("https://shop.co.uk", "shop.co.uk:443", "Shop.co.uk", "shop.co.uk.", "*.shop.co.uk"),
        "a" * 300,
    ],
)
def test_passkeys_belong_to_no_other_domain(rp_id: str) -> None:
    sentence = refusal(public_url="https://auth.shop.co.uk", passkey_rp_id=rp_id)
    assert sentence.startswith("AUTHAPI_PASSKEY_RP_ID has to be ")


def test_passkeys_are_used_by_origins_and_by_apps() -> None:
    app = "android:apk-key-hash:" + "A" * 43
    given = f"https://a.example, http://localhost:5173, {app}"
    assert load_settings(passkey_origins=given).passkey_origins == (
        *("https://a.example", "http://localhost:5173"),
        app,
    )


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "http://a.example", "https://a.example/", "a.example", "https://A.example"),
        *("capacitor://localhost", "android:apk-key-hash:AAAA", "file://x"),
    ],
)
def test_an_origin_that_has_no_passkeys_is_refused(origin: str) -> None:
    assert refusal(passkey_origins=origin).startswith("AUTHAPI_PASSKEY_ORIGINS ")
