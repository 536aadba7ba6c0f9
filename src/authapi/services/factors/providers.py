"""The identity providers of the setting: their keys, fetched and kept as a verifier keeps them.

| a token's key                           | then                                              |
| --------------------------------------- | ------------------------------------------------- |
| is known                                | no request waits for the provider                 |
| is not known                            | the keys are fetched again, once in 3 s at most   |
| the keys were never fetched, or an hour | the same; Unavailable if the provider can't be    |
| ago                                     | reached                                           |

A request that waits for a fetch holds no thread and no connection of the database.
"""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from authapi.config import Settings
from authapi.config.identity_providers import IdentityProvider
from authapi.errors import InvalidField, Unavailable
from authapi.services.accounts.hashing import Hashing, Question
from authapi.services.factors.id_tokens import TYPES, IdToken, Person, read_id_token
from authapi.verifier import InvalidTokenError, VerifierNotReadyError
from authapi.verifier.after_fork import call_now_and_in_children
from authapi.verifier.errors import UnknownKeyError
from authapi.verifier.jws import open_compact
from authapi.verifier.waiting import FOR_COROUTINES

if TYPE_CHECKING:
    from authapi.verifier.following.link import IssuerLink


class Providers:
    """Verifies ID tokens. Its threads begin with the first token, one for each provider."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._providers = {each.name: each for each in settings.identity_providers}
        self._leeway, self._clock = settings.clock_leeway, clock
        call_now_and_in_children(self._begin)

    def _begin(self) -> None:
        self._lock = Lock()
        self._links: dict[str, IssuerLink] = {}

    def identify(self, sent: IdToken) -> Hashing[Person]:
        """Return the person that an ID token names.

        Raises InvalidTokenError; InvalidField for an unknown provider; Unavailable if the token may
        be good, and the provider can't be reached.
        """
        provider = self._providers.get(sent.provider)
        if provider is None:
            message = "No identity provider has this name here."
            raise InvalidField("provider", message, "provider_unknown")
        if not sent.token.isascii():
            raise InvalidTokenError("the token is not ASCII")
        payload = yield from self._open(self._link(provider), sent.token.encode("ascii"))
        return read_id_token(payload, provider, sent.nonce, now=self._clock(), leeway=self._leeway)

    def close(self) -> None:
        """End the threads. A later token begins new ones."""
        with self._lock:
            links, self._links = self._links, {}
        for link in links.values():
            link.stop()

    def _link(self, provider: IdentityProvider) -> "IssuerLink":
        from authapi.services.factors.provider_site import connect  # it imports httpx, slowly

        with self._lock:
            link = self._links.get(provider.name)
            if link is None:
                link = self._links[provider.name] = connect(provider, self._clock)
            return link

    def _open(self, link: "IssuerLink", token: bytes) -> Hashing[dict[str, Any]]:
        """Return the payload. Wait for one fetch of the keys at most, if that may help."""
        assert link.keys
        opened = partial(open_compact, token, link.keys.find, types=TYPES)
        try:
            try:
                return opened().payload
            except (UnknownKeyError, VerifierNotReadyError) as refusal:
                attempt = link.attempt_for(refusal) or link.no_wait
                with FOR_COROUTINES.take(attempt, refusal, link.first_moment()):
                    yield Question(partial(own_wait, attempt))
            return opened().payload
        except VerifierNotReadyError as error:
            raise Unavailable from error
        except UnknownKeyError as error:
            if link.status().problem:  # the provider may have a new key
                raise Unavailable from error
            raise


def own_wait(attempt: "Future[None]") -> "Future[None]":
    """Return a future of one's own, done with the attempt: a request that is cancelled ends it."""
    own: Future[None] = Future()

    def pass_on(_: "Future[None]") -> None:
        if own.set_running_or_notify_cancel():
            own.set_result(None)

    attempt.add_done_callback(pass_on)
    return own
