"""Hashes of passwords: ours, other systems', unreadable ones, and what each costs."""

import subprocess
import sys
import unicodedata
from contextlib import suppress
from typing import Any

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authapi.crypto import passwords
from authapi.crypto.passwords import (
    IMPORTABLE,
    MAX_TYPED_LENGTH,
    PasswordHasher,
    UnusableHashError,
    normalise,
    require_usable_hash,
)

PASSWORD = "correct horse battery staple"
HASHER = PasswordHasher(memory_kib=64, time_cost=1)
CURRENT = HASHER.hash(PASSWORD)

# From the schemes' own documentation and test suites.
BY_OTHERS = [
    (
        "password",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    ),
    ("test", "$2a$04$5BJqKfqMQvV7nS.yUguNcueVirQqDBGaLXSqj.rs.pZPlNR0UX/HK"),
    ("lètmein", "pbkdf2_sha256$20000$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0="),
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoE"
        "OfaS35inz1",
    ),
    ("password", "5f4dcc3b5aa765d61d8327deb882cf99"),
]


def _made_by(scheme: str, password: str = PASSWORD) -> str:
    """A hash of another scheme, as cheap as that scheme allows."""
    handler: Any = passwords._context().handler(scheme)
    has_rounds = "rounds" in handler.setting_kwds
    cheap = handler.using(rounds=max(1, handler.min_rounds)) if has_rounds else handler
    return str(cheap.hash(password))


def test_a_hash_is_argon2id_with_the_parameters_asked_for() -> None:
    made = PasswordHasher(memory_kib=128, time_cost=3).hash(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=128,t=3,p=1$")


def test_the_right_password_is_valid_and_needs_no_upgrade() -> None:
    assert HASHER.verify(PASSWORD, CURRENT) == passwords.Verification(valid=True)


@pytest.mark.parametrize("wrong", [PASSWORD + " ", PASSWORD.title(), "", PASSWORD[:-1]])
def test_any_other_password_is_wrong(wrong: str) -> None:
    assert HASHER.verify(wrong, CURRENT) == passwords.Verification(valid=False)


def test_two_hashes_of_one_password_differ() -> None:
    assert HASHER.hash(PASSWORD) != CURRENT


@pytest.mark.parametrize("stored", [None, CURRENT])
@pytest.mark.parametrize("typed", ["x" * (MAX_TYPED_LENGTH + 1), "\ud800password", ""])
def test_a_password_that_nobody_can_have_is_wrong(typed: str, stored: str | None) -> None:
    assert not HASHER.verify(typed, stored).valid


def test_every_character_of_a_long_password_counts() -> None:
    long = "x" * 256
    assert not HASHER.verify(long[:-1] + "y", HASHER.hash(long)).valid


def test_a_password_goes_on_after_a_nul() -> None:
    assert not HASHER.verify("abc\0xyz", HASHER.hash("abc\0def")).valid


def test_a_password_that_the_rules_refuse_for_its_length_is_not_hashed() -> None:
    with pytest.raises(ValueError, match="too long"):
        HASHER.hash("x" * (MAX_TYPED_LENGTH + 1))


def test_composed_and_decomposed_accents_are_one_password() -> None:
    assert HASHER.verify("e\u0301cole buissonnie\u0300re", HASHER.hash("école buissonnière")).valid


@given(st.text(max_size=64))
def test_normalising_is_nfc_and_nothing_else(typed: str) -> None:
    assert normalise(typed) == unicodedata.normalize("NFC", typed)


@pytest.mark.parametrize("scheme", IMPORTABLE)
def test_a_hash_of_another_scheme_verifies_and_is_upgraded(scheme: str) -> None:
    stored = _made_by(scheme)
    verified = HASHER.verify(PASSWORD, stored)
    assert verified.valid
    assert HASHER.verify(PASSWORD, verified.upgraded_hash) == passwords.Verification(valid=True)
    assert HASHER.verify(PASSWORD + "x", stored) == passwords.Verification(valid=False)


@pytest.mark.parametrize(("password", "stored"), BY_OTHERS)
def test_what_another_implementation_made_verifies(password: str, stored: str) -> None:
    verified = HASHER.verify(password, stored)
    assert verified.valid
    assert verified.upgraded_hash
    assert not HASHER.verify(password.upper(), stored).valid


@pytest.mark.parametrize(
    "other",
    [
        argon2.PasswordHasher(memory_cost=32, time_cost=1, parallelism=1),
        argon2.PasswordHasher(memory_cost=64, time_cost=2, parallelism=1),
        argon2.PasswordHasher(memory_cost=64, time_cost=1, parallelism=2),
        argon2.PasswordHasher(memory_cost=64, time_cost=1, parallelism=1, hash_len=16),
        argon2.PasswordHasher(memory_cost=64, time_cost=1, parallelism=1, type=argon2.Type.I),
    ],
    ids=["memory", "time", "parallelism", "length", "type"],
)
def test_argon2_with_another_parameter_is_upgraded(other: argon2.PasswordHasher) -> None:
    verified = HASHER.verify(PASSWORD, other.hash(PASSWORD))
    assert verified.valid
    assert (verified.upgraded_hash or "").startswith("$argon2id$v=19$m=64,t=1,p=1$")


@pytest.mark.parametrize(
    "stored",
    [
        "{CRYPT}" + _made_by("bcrypt"),
        "{CRYPT}" + _made_by("sha512_crypt"),
        "{bcrypt}" + _made_by("bcrypt"),
        "bcrypt$" + _made_by("bcrypt"),
        "argon2" + CURRENT,
        "{PBKDF2-SHA256}" + _made_by("pbkdf2_sha256").removeprefix("$pbkdf2-sha256$"),
    ],
)
def test_a_hash_in_another_systems_wrapping_verifies(stored: str) -> None:
    require_usable_hash(stored)
    assert HASHER.verify(PASSWORD, stored).valid
    assert not HASHER.verify(PASSWORD + "x", stored).valid


def test_an_imported_bcrypt_hash_of_a_long_password_verifies_as_its_maker_cut_it() -> None:
    long = "ä" * 50  # 100 bytes; bcrypt reads 72
    stored = _made_by("bcrypt", "ä" * 36)
    verified = HASHER.verify(long, stored)
    assert verified.valid
    # From then on all of it counts.
    assert not HASHER.verify("ä" * 36, verified.upgraded_hash).valid


def test_bcrypt_over_sha256_is_not_cut() -> None:
    stored = _made_by("bcrypt_sha256", "x" * 72)
    assert not HASHER.verify("x" * 73, stored).valid


@pytest.mark.parametrize("scheme", ["argon2", *IMPORTABLE])
@pytest.mark.parametrize("typed", ["abc\0def", "\ud800", "€" * 300, "", "x" * 1024])
def test_no_password_makes_any_scheme_fail(scheme: str, typed: str) -> None:
    assert not HASHER.verify(typed, _made_by(scheme)).valid


UNREADABLE = [
    "",
    " ",
    "!",
    "*",
    "plain text",
    "$",
    "$argon2id$",
    CURRENT[:-1] + "$",
    CURRENT.replace("v=19", "v=99"),
    CURRENT.rpartition("$")[0],
    CURRENT.replace("m=64", "m=1"),
    "$2b$",
    "$2b$04$",
    "$2b$99$" + "a" * 53,
    "$2x$04$" + "a" * 53,
    "$scrypt$\0n=1,r=8,p=1$C0FoDaEUYgwBAKC0ljJmTA$7cJavYICal9F/cvG1lJKbGQswCg1MW6YjRdaym6fmMI",
    "$pbkdf2-sha256$x$y$z",
    "pbkdf2_sha256$$$",
    "{SSHA}é",
    "\ud800",
    "\0",
]


@pytest.mark.parametrize("stored", UNREADABLE)
def test_an_unreadable_hash_is_a_wrong_password(stored: str) -> None:
    assert HASHER.verify(PASSWORD, stored) == passwords.Verification(valid=False)
    with pytest.raises(UnusableHashError, match="of no scheme that authapi knows"):
        require_usable_hash(stored)


# Nothing is put in that a cost parameter could be made of: damage must not cost hours.
@settings(deadline=None)
@given(st.sampled_from(["argon2", *IMPORTABLE]), st.data())
def test_no_damage_to_a_hash_makes_it_fail(scheme: str, data: st.DataObject) -> None:
    whole = _made_by(scheme)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    put = data.draw(st.text("$=,{}zé .\n\0\ud800", max_size=3))
    damaged = whole[:start] + (put or "$") + whole[end:]
    with suppress(UnusableHashError):
        require_usable_hash(damaged)
    assert not HASHER.verify("another password", damaged).valid


@pytest.mark.parametrize("scheme", ["argon2", *IMPORTABLE])
def test_a_hash_that_can_be_imported_is_known(scheme: str) -> None:
    require_usable_hash(_made_by(scheme))


@pytest.fixture
def argon2_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parameters of every argon2 that is computed."""
    runs: list[str] = []
    verify, make = argon2.low_level.verify_secret, argon2.low_level.hash_secret

    def counted_verify(stored: bytes, secret: bytes, kind: argon2.Type) -> bool:
        runs.append(stored.decode().split("$")[3])
        return verify(stored, secret, kind)

    def counted_make(
        *,
        memory_cost: int,
        time_cost: int,
        parallelism: int,
        **rest: Any,
    ) -> bytes:
        runs.append(f"m={memory_cost},t={time_cost},p={parallelism}")
        return make(memory_cost=memory_cost, time_cost=time_cost, parallelism=parallelism, **rest)

    monkeypatch.setattr(argon2.low_level, "verify_secret", counted_verify)
    monkeypatch.setattr(argon2.low_level, "hash_secret", counted_make)
    return runs


ONE_OF_OURS = ["m=64,t=1,p=1"]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (PASSWORD, None),
        (PASSWORD, CURRENT),
        ("wrong", CURRENT),
        ("\ud800", None),
        ("\ud800", CURRENT),
        ("x" * 2000, CURRENT),
        ("wrong", "unreadable"),
        ("wrong", _made_by("hex_md5")),
        (PASSWORD, _made_by("hex_md5")),
        ("nul\0", _made_by("bcrypt")),
    ],
)
def test_every_answer_costs_one_argon2_of_our_parameters(
    argon2_runs: list[str], typed: str, stored: str | None
) -> None:
    HASHER.verify(typed, stored)
    assert argon2_runs == ONE_OF_OURS


@pytest.mark.parametrize("typed", [PASSWORD, "wrong"])
def test_an_old_argon2_hash_costs_its_own_time_and_one_of_ours(
    argon2_runs: list[str], typed: str
) -> None:
    old = argon2.PasswordHasher(memory_cost=32, time_cost=1, parallelism=1).hash(PASSWORD)
    argon2_runs.clear()
    HASHER.verify(typed, old)
    assert argon2_runs == ["m=32,t=1,p=1", *ONE_OF_OURS]


COMPOSED, DECOMPOSED = "caf\u00e9 au lait", "cafe\u0301 au lait"


@pytest.mark.parametrize("scheme", ["bcrypt", "django_pbkdf2_sha256", "hex_sha256"])
@pytest.mark.parametrize("hashed", [COMPOSED, DECOMPOSED])
def test_a_hash_of_what_was_typed_elsewhere_fits_and_is_upgraded(scheme: str, hashed: str) -> None:
    """The kind: canonical forms end too early. Most systems hash what the keyboard sends."""
    verification = HASHER.verify(hashed, _made_by(scheme, hashed))
    assert verification.valid
    upgraded = verification.upgraded_hash
    assert upgraded is not None
    for typed in (COMPOSED, DECOMPOSED):
        again = HASHER.verify(typed, upgraded)
        assert again.valid
        assert again.upgraded_hash is None


def test_a_hash_of_ours_is_tried_in_one_form_alone(argon2_runs: list[str]) -> None:
    assert HASHER.verify(DECOMPOSED, HASHER.hash(COMPOSED)).valid
    assert argon2_runs == ONE_OF_OURS * 2


@pytest.mark.parametrize("hashed", [COMPOSED, DECOMPOSED, "another phrase"])
def test_each_form_is_tried_whichever_fits(argon2_runs: list[str], hashed: str) -> None:
    old = argon2.PasswordHasher(memory_cost=32, time_cost=1, parallelism=1).hash(hashed)
    argon2_runs.clear()
    assert HASHER.verify(DECOMPOSED, old).valid == (hashed != "another phrase")
    assert argon2_runs == ["m=32,t=1,p=1"] * 2 + ONE_OF_OURS
    argon2_runs.clear()
    assert not HASHER.verify(DECOMPOSED, HASHER.decoy_of(old)).valid  # of an unknown name
    assert argon2_runs == ["m=32,t=1,p=1"] * 2 + ONE_OF_OURS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to RLIMIT_AS")
def test_a_machine_out_of_memory_is_no_wrong_password() -> None:
    script = """
import resource
from authapi.crypto.passwords import PasswordHasher
from authapi.errors import Unavailable

hasher = PasswordHasher(memory_kib=256 * 1024, time_cost=1)
stored = hasher.hash("the password")
resource.setrlimit(resource.RLIMIT_AS, (256 * 1024 * 1024, resource.RLIM_INFINITY))
for call in (hasher.hash, lambda p: hasher.verify(p, stored), lambda p: hasher.verify(p, None)):
    try:
        call("the password")
    except Unavailable:
        print("unavailable")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["unavailable"] * 3


@pytest.mark.parametrize("scheme", ["argon2", *IMPORTABLE])
def test_a_decoy_is_of_the_same_scheme_and_settings_and_fits_no_password(scheme: str) -> None:
    stored = CURRENT if scheme == "argon2" else _made_by(scheme)
    decoy, context = HASHER.decoy_of(stored), passwords._context()
    assert decoy != stored
    assert context.identify(decoy) == context.identify(stored)
    one, other = (
        context.handler(context.identify(each)).from_string(each) for each in (decoy, stored)
    )
    for setting in ("rounds", "memory_cost", "parallelism", "block_size", "type", "ident"):
        assert getattr(one, setting, None) == getattr(other, setting, None)
    assert not HASHER.verify(PASSWORD, decoy).valid


@pytest.mark.parametrize("stored", ["", "nonsense", "$argon2id$v=19$m=64$", "$2a$04$short"])
def test_an_unreadable_hash_has_the_decoy_that_it_costs(stored: str) -> None:
    assert HASHER.decoy_of(stored) == HASHER._decoy
