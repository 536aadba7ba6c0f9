"""Mails that a test reads, too, and an identity provider."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import authapi, configured
from tests.mail.conftest import mail_api, make_mail_api, sends_by_itself
from tests.support.clock import TestClock
from tests.support.provider import Provider, serving

__all__ = ["authapi", "configured", "mail_api", "make_mail_api", "sends_by_itself"]  # fixtures


@pytest.fixture
def provider(clock: TestClock) -> Iterator[Provider]:
    """Yield a provider that answers. An application knows it by `identity_providers`."""
    provider = Provider(clock)
    with serving(provider):
        yield provider
