"""The parts of a running application. app.py makes and joins them, once."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from authapi.clock import Clock
from authapi.config import Settings
from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.db.database import Database
from authapi.errors import Refusal
from authapi.services.accounts.passwords import Passwords
from authapi.services.accounts.usernames import Usernames
from authapi.services.factors.passkey_ceremonies import RelyingParty
from authapi.services.factors.providers import Providers
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.mails import Mails
from authapi.services.mail.sending import MailSender
from authapi.services.operation.presence import Presence
from authapi.services.operation.purge import Purge
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.revocation.poll import RevocationPoll
from authapi.services.revocation.row_follower import RowFollower
from authapi.services.sessions.lookup import Lookups
from authapi.services.sessions.refresh_rotation import Answer
from authapi.services.sessions.token_issue import TokenIssuer
from authapi.tally import Tally
from authapi.verifier import Verifier
from authapi.web.credentials.cookies import Cookies
from authapi.web.credentials.session_reader import SessionReader
from authapi.web.metrics.requests import LOGIN_OUTCOMES, Requests
from authapi.web.password_pool import PasswordPool
from authapi.web.turns import Turns
from authapi.web.whole_window import WholeWindow


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    clock: Clock
    db: Database
    tokens: TokenIssuer
    passwords: Passwords
    usernames: Usernames
    relying_party: RelyingParty
    verifier: Verifier  # of tokens for authapi itself
    verifier_for_all: Verifier  # of tokens for AUDIENCES too
    revocations: RevocationFeed
    poll: RevocationPoll
    row_follower: RowFollower
    csrf: CsrfTokens
    cookies: Cookies
    lookups: Lookups
    session_reader: SessionReader
    limits: RateLimits
    password_pool: PasswordPool
    whole_window: WholeWindow
    mails: Mails
    mail_sender: MailSender
    purge: Purge
    presence: Presence
    providers: Providers
    turns: Turns = field(default_factory=Turns)
    # For the metrics: requests, log-ins by outcome, refreshes by row of the rule, answers with an
    # error by class of errors.py, and the connections of `authapi serve`.
    requests: Requests = field(default_factory=lambda: Requests(()))
    logins: Tally = field(default_factory=lambda: Tally(*LOGIN_OUTCOMES))
    refreshes: Tally = field(default_factory=lambda: Tally(*Answer))
    refusals: Tally = field(default_factory=lambda: Tally(*Refusal.names()))
    connections: Tally = field(default_factory=lambda: Tally("opened", "ended", "cut"))

    def close(self) -> None:
        """Finish what is under way, and let go of threads and connections."""
        self.password_pool.close()
        self.passwords.breached.close()
        self.providers.close()
        self.poll.stop()
        self.row_follower.stop()
        self.mail_sender.stop()
        self.purge.stop()
        self.presence.stop()
        self.db.close()
        self.lookups.cache.close()


def runtime_of(request: HTTPConnection) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
