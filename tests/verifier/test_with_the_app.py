"""The verifier of another service, against the real application: nothing is faked but the wire."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from authapi.services.keys.rotation import mark_compromised, rotate_key
from authapi.verifier import InvalidTokenError, Verifier, VerifierNotReadyError
from authapi.verifier.following import link as issuer_link
from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.until import until

ASYMMETRIC = ["ES256", "EdDSA", "RS256"]

Service = Callable[[Api], Verifier]


@pytest.fixture
def service(clock: TestClock) -> Iterator[Service]:
    """The verifier of a service: it gets the issuer and the audience, and a way to the issuer."""
    made: list[Verifier] = []

    def make(api: Api) -> Verifier:
        settings = runtime_of(api.app).settings
        made.append(
            Verifier(
                issuer=settings.public_url,
                audience=settings.audience,
                clock=clock,
                transport=httpx.ASGITransport(api.app),
                poll_interval=0.05,
            )
        )
        return made[-1]

    yield make
    for verifier in made:
        verifier.close()


def runtime_of(app: FastAPI) -> Runtime:
    runtime: Runtime = app.state.runtime
    return runtime


def is_refused(verifier: Verifier, token: str) -> bool:
    try:
        verifier.verify(token)
    except InvalidTokenError:
        return True
    return False


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_the_token_of_a_log_in_is_verified(
    make_api: MakeApi, service: Service, algorithm: str
) -> None:
    api = make_api(signing_algorithm=algorithm)
    tokens = api.register_and_login()
    assert service(api).verify(tokens.access).sid == tokens.sid


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 calls it Ed25519
@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_library_of_others_verifies_it_from_the_jwk_set_alone(
    make_api: MakeApi, algorithm: str
) -> None:
    api = make_api(signing_algorithm=algorithm)
    tokens = api.register_and_login()
    published = KeySet.import_key_set(api.expect(200, "GET", "/.well-known/jwks.json").json())
    decoded = joserfc_jwt.decode(tokens.access, published, algorithms=[algorithm])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.claims["sid"] == tokens.sid


def test_with_hs256_there_is_no_key_that_a_service_could_fetch(
    make_api: MakeApi, service: Service
) -> None:
    api = make_api(signing_algorithm="HS256")
    with pytest.raises(VerifierNotReadyError):
        service(api).verify(api.register_and_login().access)


def test_a_log_out_is_learned(api: Api, service: Service, clock: TestClock) -> None:
    tokens, verifier = api.register_and_login(), service(api)
    verifier.verify(tokens.access)
    clock.advance(1)
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    until(lambda: is_refused(verifier, tokens.access))


def test_a_log_out_from_before_the_service_began_is_known(api: Api, service: Service) -> None:
    tokens = api.register_and_login()
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    assert is_refused(service(api), tokens.access)


def test_a_key_that_signs_at_once_is_fetched_for_its_first_token(
    api: Api, service: Service, clock: TestClock
) -> None:
    first, verifier, runtime = api.register_and_login(), service(api), runtime_of(api.app)
    verifier.verify(first.access)
    clock.advance(1)
    rotate_key(runtime.db, runtime.settings, at_once=True)
    runtime.poll.poll()
    assert verifier._link
    verifier._link._keys_tried_at -= issuer_link.REFETCH_AFTER_SECONDS  # some seconds have passed
    second = api.login()
    assert verifier.verify(second.access).key_id != verifier.verify(first.access).key_id


def test_a_compromised_key_is_refused_and_the_session_goes_on(
    api: Api, service: Service, clock: TestClock
) -> None:
    tokens, verifier, runtime = api.register_and_login(), service(api), runtime_of(api.app)
    kid = verifier.verify(tokens.access).key_id
    clock.advance(1)
    mark_compromised(runtime.db, runtime.settings, kid)
    runtime.poll.poll()
    until(lambda: is_refused(verifier, tokens.access))
    refreshed = api.refreshed(tokens.refresh)
    until(lambda: not is_refused(verifier, refreshed.access))
