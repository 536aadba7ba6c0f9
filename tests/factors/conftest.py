"""Mails that a test reads, too."""

from tests.cli.conftest import authapi, configured
from tests.mail.conftest import mail_api, make_mail_api, sends_by_itself

__all__ = ["authapi", "configured", "mail_api", "make_mail_api", "sends_by_itself"]  # fixtures
