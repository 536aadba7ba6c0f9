"""Hashes that other products made, by their own published examples, and what a hash may cost."""

from base64 import b64decode
from typing import Any

import pytest
from django.contrib.auth import hashers

from authapi.crypto.foreign_hashes import (
    FirebaseProject,
    WordPressBcrypt,
    argon2_hash,
    pbkdf2_hash,
    scrypt_hash,
)
from authapi.crypto.passwords import (
    NO_PASSWORD,
    PasswordHasher,
    UnusableHashError,
    Verification,
    require_usable_hash,
)
from authapi.services.accounts.importing import django
from authapi.services.accounts.importing.users import Record

HASHER = PasswordHasher(memory_kib=64, time_cost=1)

# The example of Firebase's own command: https://github.com/firebase/scrypt.
SIGNER_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
FIREBASE = FirebaseProject(b64decode(SIGNER_KEY), b64decode("Bw=="), block_size=8, log2_cost=14)
FIREBASE_SALT = b64decode("42xEC+ixf3L2lw==")
FIREBASE_HASH = b64decode(
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)


def test_firebases_own_example_verifies() -> None:
    stored = FIREBASE.hash_of(FIREBASE_SALT, FIREBASE_HASH)
    assert HASHER.verify("user1password", stored).valid
    assert not HASHER.verify("user1passwore", stored).valid


def test_no_stored_hash_has_firebases_signer_key_in_it() -> None:
    stored = FIREBASE.hash_of(FIREBASE_SALT, FIREBASE_HASH)
    assert SIGNER_KEY[:20] not in stored
    *_, key_stream = stored.split("$")
    proof = b64decode(f"{key_stream}=")
    # Only Firebase's own hash and the key stream together are the signer key.
    assert (
        bytes(a ^ b for a, b in zip(proof, FIREBASE_HASH, strict=False)) == FIREBASE.signer_key[:32]
    )
    assert SIGNER_KEY not in repr(FIREBASE)


@pytest.fixture
def bcrypt_runs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that WordPress's scheme is computed for."""
    runs: list[bytes] = []
    compute = WordPressBcrypt._calc_checksum

    def counted(self: Any, secret: bytes) -> str:
        runs.append(secret)
        return compute(self, secret)

    monkeypatch.setattr(WordPressBcrypt, "_calc_checksum", counted)
    return runs


@pytest.mark.parametrize(
    ("typed", "hashed"),
    [
        ("plain password", "plain password"),
        ('it\'s "quoted"', 'it\\\'s \\"quoted\\"'),
        ("back\\slash", "back\\\\slash"),
        (" spaces around ", "spaces around"),
        ("x" * 100, "x" * 100),
    ],
)
def test_wordpress_hashes_what_php_makes_of_a_form(
    bcrypt_runs: list[bytes], typed: str, hashed: str
) -> None:
    stored = str(WordPressBcrypt.using(rounds=4).hash(hashed))
    assert stored.startswith("$wp$2b$04$")
    assert HASHER.verify(typed, stored.replace("$2b$", "$2y$")).valid
    bcrypt_runs.clear()
    costs = []
    for tried, against in (
        (typed, stored),
        (f"{typed}x", stored),
        (typed, HASHER.decoy_of(stored)),
    ):
        assert HASHER.verify(tried, against).valid == (tried == typed and against == stored)
        costs.append(len(bcrypt_runs))
        bcrypt_runs.clear()
    assert costs[0] == costs[2] <= 2  # a right password, and an unknown name


@pytest.mark.parametrize("typed", ["", "!", "password"])
def test_an_account_without_a_password_has_none_that_fits(typed: str) -> None:
    assert HASHER.verify(typed, NO_PASSWORD) == Verification(valid=False)
    assert HASHER.decoy_of(NO_PASSWORD) == HASHER._decoy


BCRYPT = "ROUNDS$5BJqKfqMQvV7nS.yUguNcueVirQqDBGaLXSqj.rs.pZPlNR0UX/HK"
SALT, DIGEST = bytes(16), bytes(64)
# The most that is taken, and the least that is refused.
BOUNDS = {
    "bcrypt": (f"$2b${BCRYPT}", 15, 16),
    "wordpress": (f"$wp$2y${BCRYPT}", 15, 16),
    "django bcrypt": (f"bcrypt_sha256$$2b${BCRYPT}", 15, 16),
    "phpass": ("$P$ROUNDSIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "H", "I"),
    "pbkdf2": (
        pbkdf2_hash("sha256", 7, SALT, DIGEST).replace("$7$", "$ROUNDS$"),
        3_000_000,
        3_000_001,
    ),
    "django": (
        "pbkdf2_sha256$ROUNDS$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=",
        1_500_000,
        10**9,
    ),
    "sha512": (f"$6$rounds=ROUNDS$saltstring${'a' * 85}.", 1_000_000, 999_999_999),
    "scrypt's memory": (f"$scrypt$ln=ROUNDS,r=8,p=1$c2FsdA${'A' * 43}", 18, 19),
    "scrypt's time": (f"$scrypt$ln=14,r=8,p=ROUNDS$c2FsdA${'A' * 43}", 32, 33),
    "scrypt's blocks": (f"$scrypt$ln=1,r=ROUNDS,p=1$c2FsdA${'A' * 43}", 1_000_000, 2_000_000),
    "firebase": (f"$firebase$scrypt$ln=ROUNDS,r=8,p=1$c2FsdA${'A' * 43}", 14, 23),
    "argon2's memory": (
        f"$argon2id$v=19$m=ROUNDS,t=1,p=1$c2FsdHNhbHQ${'A' * 43}",
        262_144,
        262_145,
    ),
    "argon2's threads": (
        f"$argon2id$v=19$m=65536,t=1,p=ROUNDS$c2FsdHNhbHQ${'A' * 43}",
        64,
        65,
    ),
    "argon2's time": (f"$argon2id$v=19$m=65536,t=ROUNDS,p=1$c2FsdHNhbHQ${'A' * 43}", 64, 65),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_hash_may_cost_two_seconds_and_no_more(name: str) -> None:
    text, most, too_many = BOUNDS[name]
    require_usable_hash(text.replace("ROUNDS", str(most)))
    with pytest.raises(UnusableHashError, match="costs more than a log-in may"):
        require_usable_hash(text.replace("ROUNDS", str(too_many)))


def test_what_keycloak_and_django_store_past_the_first_block_is_left_out() -> None:
    assert pbkdf2_hash("sha256", 1000, SALT, DIGEST) == pbkdf2_hash(
        "sha256", 1000, SALT, DIGEST[:32]
    )
    assert scrypt_hash(16, (8, 1), SALT, DIGEST) == scrypt_hash(16, (8, 1), SALT, DIGEST[:32])
    require_usable_hash(argon2_hash("id", (64, 1, 1), SALT, DIGEST))


DJANGO = {
    hashers.PBKDF2PasswordHasher: 1000,
    hashers.PBKDF2SHA1PasswordHasher: 1000,
    hashers.Argon2PasswordHasher: None,
    hashers.BCryptSHA256PasswordHasher: None,
    hashers.BCryptPasswordHasher: None,
    hashers.ScryptPasswordHasher: None,
    hashers.MD5PasswordHasher: None,
}


@pytest.mark.parametrize("hasher", DJANGO, ids=lambda hasher: hasher.algorithm)
def test_what_djangos_own_hashers_make_verifies(hasher: Any) -> None:
    class Quick(hasher):  # type: ignore[misc]
        rounds, work_factor, parallelism, memory_cost, time_cost = 4, 16, 1, 64, 1

    made = Quick().encode('it\'s "été"', Quick().salt(), *filter(None, [DJANGO[hasher]]))
    user = {"username": "ada", "email": "ada@example.com", "password": made, "is_active": True}
    stored = django.read(Record(fields=user)).password_hash
    assert stored
    require_usable_hash(stored)
    assert HASHER.verify('it\'s "été"', stored).valid
    assert not HASHER.verify('it\'s "ete"', stored).valid


@pytest.mark.parametrize("cost", [-1, 0, 1, 3, 15])
def test_a_cost_of_scrypt_is_a_power_of_two(cost: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        scrypt_hash(cost, (8, 1), SALT, DIGEST)
