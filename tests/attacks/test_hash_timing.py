"""The kind: the time of a refusal tells whether an account exists, as some hashes cost more.

Time is noise in a test. These count what an attempt costs instead: the settings that are hashed.
"""

from collections import Counter

import pytest

from authapi.crypto.passwords import PasswordHasher
from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.importing.users import Record
from authapi.services.accounts.registration import NewUser, add_user
from authapi.web.runtime import Runtime
from tests.support.api import PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only

pytestmark = sqlite_only
OLD = PasswordHasher(memory_kib=512, time_cost=1)
BCRYPT = "$2a$04$5BJqKfqMQvV7nS.yUguNcueVirQqDBGaLXSqj.rs.pZPlNR0UX/HK"
FIREBASE = f"$firebase$scrypt$ln=4,r=8,p=1$c2FsdA${'A' * 43}"
NAMES = 4000


def settings_of(password_hash: str) -> str:
    """Return the scheme and what its cost depends on."""
    return password_hash[: password_hash.index(",p=")] if "argon2" in password_hash else "bcrypt"


def add(runtime: Runtime, hasher: PasswordHasher, *names: str) -> None:
    for name in names:
        user = NewUser(f"{name}@example.com", PASSWORD)
        add_user(runtime.db, hasher, user, runtime.usernames)


def log_in(api: Api, name: str, password: str = "wrong") -> int:
    body = {"email": f"{name}@example.com", "password": password}
    return api.client.post("/login", json=body).status_code


def decoys(runtime: Runtime) -> Counter[str]:
    """Count the settings that as many unknown names are hashed with."""
    found = [runtime.passwords.decoys.for_name(f"nobody{n}@example.com") for n in range(NAMES)]
    return Counter(settings_of(decoy) if decoy else "none" for decoy in found)


@pytest.fixture
def raised(make_api: MakeApi) -> Api:
    """Return an application whose HASH_* were raised: 30 hashes are old, 10 new."""
    api = make_api(hash_memory_kib=2048, hash_time_cost=2)
    api.expect(200, "GET", "/readyz")
    runtime = api.app.state.runtime
    add(runtime, OLD, *(f"old{number}" for number in range(30)))
    add(runtime, runtime.passwords.hasher, *(f"new{number}" for number in range(10)))
    return api


def test_after_hashes_were_raised_unknown_names_cost_what_accounts_do(raised: Api) -> None:
    assert log_in(raised, "nobody") == 401
    share = {kind: count / NAMES for kind, count in decoys(raised.app.state.runtime).items()}
    assert share == {
        "$argon2id$v=19$m=512,t=1": pytest.approx(0.75, abs=0.03),
        "$argon2id$v=19$m=2048,t=2": pytest.approx(0.25, abs=0.03),
    }


def test_a_name_costs_the_same_at_each_attempt_and_in_each_process(
    raised: Api, make_api: MakeApi
) -> None:
    other = make_api(hash_memory_kib=2048, hash_time_cost=2)
    log_in(raised, "nobody")
    log_in(other, "nobody")
    one, two = (api.app.state.runtime.passwords.decoys for api in (raised, other))
    for number in range(100):
        name = f"nobody{number}@example.com"
        decoy = one.for_name(name)
        assert decoy == one.for_name(name)
        assert settings_of(decoy) == settings_of(two.for_name(name))


def test_a_decoy_lets_nobody_in(raised: Api) -> None:
    assert [log_in(raised, f"nobody{number}", PASSWORD) for number in range(10)] == [401] * 10


def test_unknown_names_cost_what_imported_accounts_do(make_api: MakeApi) -> None:
    api = make_api()
    api.expect(200, "GET", "/readyz")
    runtime = api.app.state.runtime
    hashes = (FIREBASE, f"$wp{BCRYPT}", None)
    records = [
        (f"line {number}", Record(email=f"user{number}@example.com", password_hash=hashed))
        for number, hashed in enumerate(hashes)
    ]
    product = product_of("authapi", project=None, now=0)
    outcomes = import_users(runtime.db, runtime.usernames, product, records)
    assert Fate.REFUSED not in [outcome.fate for outcome in outcomes]
    log_in(api, "nobody")
    found = [runtime.passwords.decoys.for_name(f"nobody{n}@example.com") for n in range(NAMES)]
    schemes = Counter((decoy or "").split("$")[1] for decoy in found)
    # The third has no password: that costs one hash of ours.
    assert schemes == {
        scheme: pytest.approx(NAMES / 3, rel=0.1) for scheme in ("firebase", "wp", "argon2id")
    }


def test_the_mirror_follows_what_is_stored(make_api: MakeApi) -> None:
    api = make_api()
    api.expect(200, "GET", "/readyz")
    runtime = api.app.state.runtime
    add(runtime, OLD, "one")
    log_in(api, "nobody")
    assert list(decoys(runtime)) == ["$argon2id$v=19$m=512,t=1"]
    assert log_in(api, "one", PASSWORD) == 200  # the hash is upgraded
    runtime.passwords.decoys._renew_at = 0.0
    log_in(api, "nobody")
    assert list(decoys(runtime)) == ["$argon2id$v=19$m=1024,t=1"]
