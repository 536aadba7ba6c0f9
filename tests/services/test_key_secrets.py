"""Keys at rest: sealed with SECRET, and refused with a sentence where they cannot be used."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import update

from authapi.crypto.derived_keys import SEAL_SIGNING_KEYS, Seal
from authapi.db import models, signing_keys
from authapi.db.database import Database
from authapi.errors import OperatorError
from authapi.services.keys import rotation as key_rotation
from authapi.services.keys.rotation import mark_compromised
from tests.support.api import Api
from tests.support.application import MakeSettings
from tests.support.databases import sqlite_only
from tests.support.process import Process, StartProcess
from tests.support.settings import SECRET

NEW_SECRET = "another secret and quite as long as that"

pytestmark = sqlite_only


def stored(db: Database) -> list[tuple[object, ...]]:
    with db.connect() as connection:
        rows = signing_keys.list_all(connection)
    return [(row.kid, row.private_sealed, row.signs_from, row.compromised_at) for row in rows]


# SECRET


def test_an_old_secret_opens_what_it_sealed(start_process: StartProcess) -> None:
    token = start_process().mint()
    process = start_process(secret=f"{NEW_SECRET},{SECRET}")
    assert process.accepts(token)


def test_the_next_start_seals_anew_so_that_the_old_secret_can_go(
    start_process: StartProcess,
) -> None:
    token = start_process().mint()
    start_process(secret=f"{NEW_SECRET},{SECRET}")
    assert start_process(secret=NEW_SECRET).accepts(token)


def test_resealing_tells_how_many_and_only_the_first_time(
    start_process: StartProcess, make_settings: MakeSettings
) -> None:
    process = start_process()
    both = make_settings(secret=f"{NEW_SECRET},{SECRET}")
    assert key_rotation.reseal_signing_keys(process.db, both) == 1
    assert key_rotation.reseal_signing_keys(process.db, both) == 0
    assert start_process(secret=NEW_SECRET).accepts(process.mint())


def test_a_refresh_token_of_the_old_secret_still_works(
    make_api: Callable[..., Api],
) -> None:
    tokens = make_api().register_and_login()
    make_api(secret=f"{NEW_SECRET},{SECRET}").refreshed(tokens.refresh)


# Bad keys


def with_key(process: Process, private: bytes, algorithm: str = "ES256") -> str:
    """Put other bytes in the place of the process's key; its kid."""
    kid = process.signs_with()
    sealed = Seal(process.settings.secrets, SEAL_SIGNING_KEYS).seal(private)
    values = {"private_sealed": sealed, "algorithm": algorithm}
    with process.db.begin() as tx:
        tx.execute(update(models.SigningKey).values(values))
    return kid


def rsa(bits: int) -> bytes:
    key = generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("private", "algorithm", "says"),
    [
        (b"no key at all", "ES256", "ES256"),
        (b"", "HS256", "32 bytes"),
        (b"*", "HS256", "HS256"),
        (rsa(1024), "RS256", "2048 bits"),
        (rsa(2048), "ES256", "elliptic-curve"),
        (rsa(2048), "HS512", "HS512"),
    ],
    ids=["broken", "empty", "not base64", "small", "another kind", "unknown algorithm"],
)
def test_a_key_that_cannot_be_used_stops_the_start_with_a_sentence(
    start_process: StartProcess, private: bytes, algorithm: str, says: str
) -> None:
    process = start_process()
    kid = with_key(process, private, algorithm)
    before = stored(process.db)
    with pytest.raises(OperatorError, match=says) as refusal:
        start_process()
    assert kid in str(refusal.value)
    assert stored(process.db) == before


def test_a_wrong_secret_stops_the_start_and_overwrites_nothing(
    start_process: StartProcess,
) -> None:
    process = start_process()
    before = stored(process.db)
    with pytest.raises(OperatorError, match="AUTHAPI_SECRET does not open"):
        start_process(secret=NEW_SECRET, signing_algorithm="EdDSA")
    assert stored(process.db) == before


def test_whoever_has_lost_the_secret_goes_on_with_a_new_one(
    start_process: StartProcess, make_settings: MakeSettings
) -> None:
    process = start_process()
    lost = process.signs_with()
    mark_compromised(process.db, make_settings(secret=NEW_SECRET), lost)
    assert start_process(secret=NEW_SECRET).signs_with() != lost
