"""What the tests of a verifier that fetches have in common."""

from dataclasses import replace

from authapi.verifier import InvalidTokenError, Verifier
from authapi.verifier.following import link as issuer_link
from tests.verifier.fixtures import signer_of
from tests.verifier.signer import Signer

SIGNER = signer_of("ES256")
TOKEN = SIGNER.token()


def signer_named(kid: str) -> Signer:
    return replace(SIGNER, kid=kid)


def let_the_keys_be_fetched_again(verifier: Verifier) -> None:
    assert verifier._link
    verifier._link._keys_tried_at -= issuer_link.REFETCH_AFTER_SECONDS  # so much time has passed


def is_refused(verifier: Verifier, token: str = TOKEN) -> bool:
    try:
        verifier.verify(token)
    except InvalidTokenError:
        return True
    return False
