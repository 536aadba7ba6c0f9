"""create_app(settings) makes every part and joins them. Read it first.

cli ─► app ─► web ─► services ─► db | crypto ─► verifier
              routes  rules       SQL  maths     stands alone
"""

from dataclasses import replace
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from authapi import clock as wall_clock
from authapi import logs
from authapi.clock import Clock
from authapi.config import Settings, load_settings
from authapi.config.secret_file import load_or_create
from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.crypto.name_digests import NameDigests
from authapi.crypto.passwords import PasswordHasher
from authapi.crypto.signed_entries import SignedEntries
from authapi.db.database import Database, open_database
from authapi.db.session_cache import SessionCache
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.decoys import Decoys
from authapi.services.accounts.devices import KnownAddresses
from authapi.services.accounts.notices import may_send
from authapi.services.accounts.passwords import Passwords
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import EventType
from authapi.services.factors.passkey_ceremonies import RelyingParty
from authapi.services.factors.providers import Providers
from authapi.services.keys.ring import Keys
from authapi.services.keys.rotation import new_keys
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.mails import Mails
from authapi.services.mail.sending import MailSender
from authapi.services.operation.presence import Presence
from authapi.services.operation.purge import Purge
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.revocation.poll import RevocationPoll
from authapi.services.revocation.row_follower import RowFollower
from authapi.services.sessions.lookup import Lookups
from authapi.services.sessions.token_issue import TokenIssuer
from authapi.tally import Tally
from authapi.tracing import traces
from authapi.verifier import Verifier
from authapi.web import error_handlers
from authapi.web.credentials.cookies import Cookies
from authapi.web.credentials.session_reader import SessionReader
from authapi.web.metrics.page import Page
from authapi.web.metrics.requests import Requests
from authapi.web.middleware import verify
from authapi.web.middleware.cors import Cors
from authapi.web.middleware.handshakes import Handshakes
from authapi.web.middleware.headers import CommonHeaders, common_headers
from authapi.web.middleware.own_cookies import OwnCookies
from authapi.web.middleware.proxies import TrustedProxies
from authapi.web.middleware.start_gate import StartGate
from authapi.web.middleware.tracing import Tracing
from authapi.web.middleware.unexpected_errors import UnexpectedErrors
from authapi.web.middleware.verify import Verify
from authapi.web.openapi import document
from authapi.web.password_pool import PasswordPool
from authapi.web.routers import routers_of
from authapi.web.runtime import Runtime
from authapi.web.whole_window import WholeWindow

# FastAPI's own spans have the path and the query, which may be a mail's token, and its look-up of a
# provider takes a quarter of the time of `/verify`. authapi.tracing has spans of ours.
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(settings: Settings | None = None, *, clock: Clock = wall_clock.now) -> FastAPI:
    """Return the whole application, to be served or mounted; by default with load_settings().

    Nothing is connected yet: the server start-up, or else the first request, prepares database and
    keys (services/operation/start.py). Raises CommandError for settings that can't be meant.
    """
    settings = load_or_create(settings or load_settings())
    routes = [route for router in routers_of(settings) for route in router.routes]
    runtime = replace(assemble(settings, clock), requests=Requests(routes))
    logs.configure_if_nobody_has(settings.log_format)
    app = FastAPI(
        title="authapi",
        summary="Log-in with access tokens that can be revoked.",
        version=version("authapi"),
        lifespan=lambda app: app.state.start_gate.running(),
        servers=[{"url": settings.public_url}],
        root_path_in_servers=False,
        openapi_url=None,  # web/openapi/docs_page.py has the document, and a page without any
        docs_url=None,  # outside address
        redoc_url=None,
        telemetry=NO_TELEMETRY,
        redirect_slashes=False,  # a redirect's target would come from the request's Host
    )
    app.state.runtime, app.state.metrics = runtime, Page(runtime)
    app.state.start_gate = StartGate(runtime, app.state.metrics.workers)
    # The routes themselves: include_router would build each of them again at the first request.
    app.router.routes += routes
    document.describe(app, verify.PATHS, runtime.cookies)
    error_handlers.install(app)
    _add_middleware(app, runtime)
    return app


def _add_middleware(app: FastAPI, runtime: Runtime) -> None:
    """Add it from the inside out: the last one is the outermost."""
    settings = runtime.settings
    app.add_middleware(Verify)
    app.add_middleware(OwnCookies, cookies=runtime.cookies)
    app.add_middleware(app.state.start_gate.middleware)
    app.add_middleware(UnexpectedErrors)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins, refusals=runtime.refusals)
    headers, counted = common_headers(settings), runtime.requests if settings.metrics else None
    app.add_middleware(CommonHeaders, headers=headers, requests=counted)
    if traces.is_wanted:
        app.add_middleware(Tracing, requests=runtime.requests)
    if settings.trusted_proxies:
        proxies = [str(network) for network in settings.trusted_proxies]
        app.add_middleware(TrustedProxies, trusted_hosts=proxies)
    app.add_middleware(Handshakes)


def assemble(settings: Settings, clock: Clock) -> Runtime:
    """Return the runtime for settings that have a secret."""
    keys = new_keys(settings)
    entries = SignedEntries(settings.secrets, settings.public_url)
    cache = SessionCache(settings.redis_url, entries.sign, entries.verify)
    feed = RevocationFeed(settings, clock, when_added=cache.revoke)
    mails = Mails.of(settings)
    limits = RateLimits(settings, clock)
    sender = MailSender(settings, clock, mails, partial(may_send, limits))
    db = open_database(settings.database_url, clock, on_revoked=feed.add, on_mail=sender.wake)
    db = replace(db, reading=feed.reading, committed=Tally(*EventType))
    verifier, verifier_for_all = _verifiers(settings, keys, feed, clock)
    return Runtime(
        settings=settings,
        clock=clock,
        db=db,
        tokens=TokenIssuer(settings, keys),
        passwords=_passwords(settings, db, limits, clock),
        usernames=Usernames(NameDigests(settings.secrets)),
        relying_party=RelyingParty(settings),
        verifier=verifier,
        verifier_for_all=verifier_for_all,
        revocations=feed,
        poll=RevocationPoll(settings, keys.ring, feed, clock),
        row_follower=RowFollower(settings, clock),
        csrf=CsrfTokens(settings.secrets),
        cookies=Cookies(settings.is_https, settings.cookie_samesite),
        lookups=Lookups(db, cache, feed, settings.refresh_idle_ttl),
        session_reader=SessionReader(cache),
        limits=limits,
        password_pool=PasswordPool(settings.hash_concurrency, settings.hash_queue),
        whole_window=WholeWindow(),
        mails=mails,
        mail_sender=sender,
        purge=Purge(settings, clock),
        presence=Presence(settings, clock),
        providers=Providers(settings, clock),
    )


def _passwords(settings: Settings, db: Database, limits: RateLimits, clock: Clock) -> Passwords:
    hasher = PasswordHasher(settings.hash_memory_kib, settings.hash_time_cost)
    decoys = Decoys(settings.secrets[0], hasher, clock)
    known_addresses = KnownAddresses(db, settings.secrets)
    return Passwords(hasher, limits, decoys, known_addresses, BreachedPasswords(settings))


def _verifiers(
    settings: Settings, keys: Keys, feed: RevocationFeed, clock: Clock
) -> tuple[Verifier, Verifier]:
    """Return the verifier of tokens for authapi, and that of tokens for AUDIENCES too.

    Each has its own cache: a token that one has verified passes by no other.
    """
    new = partial(
        Verifier,
        issuer=settings.public_url,
        jwks=keys.ring,
        revocations=feed,
        leeway=settings.clock_leeway,
        clock=clock,
    )
    verifier = new(audience=settings.audience)
    return verifier, new(audience=settings.all_audiences) if settings.audiences else verifier
