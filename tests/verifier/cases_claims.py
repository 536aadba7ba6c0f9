"""Genuinely signed tokens that are not valid access tokens of this issuer for this service, now."""

from collections.abc import Callable

from tests.verifier.case import EXPIRED, PAYLOAD_JSON, TYPE, Case, show, with_claims, with_header
from tests.verifier.signer import ABSENT, Signer

ISSUER = "iss names another issuer"
AUDIENCE = "aud does not name this service"
FUTURE = "iat lies in the future"
NOT_YET = "the token is not valid yet"
TOO_LONG = "exp is over an hour after iat"

Make = Callable[[Signer], object]


def _claim(name: str, value: object, reason: str) -> Case:
    return with_claims(f"{name} {show(value)}", reason, **{name: value})


def _claim_of(name: str, what: str, value: Make, reason: str) -> Case:
    return Case(f"{name} {what}", lambda s: s.token(**{name: value(s)}), reason)


OTHER_TYPES = (
    *("JWT", "jwt", "rt+jwt", "dpop+jwt", "id+jwt", "logout+jwt", "secevent+jwt", "JOSE"),
    *("at+jwt ", " at+jwt", "at-jwt", "at+jwt\0", "application/rt+jwt", "text/at+jwt"),
    *("application/at+jwt; charset=utf-8", "application/application/at+jwt", "at+jwt+jwt"),
    *("application/", "at+\uff4awt", "*/*"),
)
NO_TYPES = (ABSENT, None, "", 1, True, ["at+jwt"], {"at+jwt": 1})
TYPES = [
    *(with_header(f"typ {typ!r}", TYPE, typ=typ) for typ in OTHER_TYPES),
    *(with_header(f"typ {show(typ)}", "the header has no typ", typ=typ) for typ in NO_TYPES),
]

NOT_TEXT: tuple[object, ...] = (
    *(ABSENT, None, "", 0, 1, True, 1.5, [], ["a"], {}, {"a": 1}),
    *("a\nb", "a\0", "\x7f", "\u2028"),
)
TEXT = [
    *(
        _claim(name, value, f"{name} is missing or malformed")
        for name in ("sub", "sid", "jti", "client_id")
        for value in NOT_TEXT
    ),
    *(_claim("iss", value, "iss is missing or malformed") for value in NOT_TEXT),
    *(
        _claim("scope", value, "scope is malformed")
        for value in (None, 1, True, ["read"], {"read": 1}, "read\nwrite", "é", "read\twrite")
    ),
]

ISS_AUD = [
    *(
        _claim_of("iss", what, value, ISSUER)
        for what, value in (
            ("of another", lambda _: "https://evil.example"),
            ("and a slash", lambda s: s.issuer + "/"),
            ("without its last letter", lambda s: s.issuer[:-1]),
            ("without its first letter", lambda s: s.issuer[1:]),
            ("its first letter", lambda s: s.issuer[0]),
            ("and more", lambda s: s.issuer + ".evil.example"),
            ("in other case", lambda s: s.issuer.upper()),
            ("and a space", lambda s: s.issuer + " "),
            ("twice", lambda s: f"{s.issuer} {s.issuer}"),
        )
    ),
    _claim_of("iss", "in a list", lambda s: [s.issuer], "iss is missing or malformed"),
    *(
        _claim_of("aud", what, value, AUDIENCE)
        for what, value in (
            ("of another", lambda _: "billing"),
            ("empty", lambda _: ""),
            ("without its last letter", lambda s: s.audience[:-1]),
            ("its first letter", lambda s: s.audience[0]),
            ("and more", lambda s: s.audience + "2"),
            ("in other case", lambda s: s.audience.upper()),
            ("ours and another's in one text", lambda s: f"{s.audience} billing"),
            ("of others in a list", lambda s: ["billing", s.audience + "2", s.audience[:-1]]),
            ("an empty list", lambda _: []),
            ("the issuer", lambda s: s.issuer),
        )
    ),
    *(
        _claim_of("aud", what, value, "aud is missing or malformed")
        for what, value in (
            ("absent", lambda _: ABSENT),
            ("null", lambda _: None),
            ("true", lambda _: True),
            ("a number", lambda _: 1),
            ("an object", lambda s: {s.audience: True}),
            ("ours beside a number", lambda s: [s.audience, 1]),
            ("ours beside null", lambda s: [s.audience, None]),
            ("a list in a list", lambda s: [[s.audience]]),
        )
    ),
]

NO_DATE: tuple[object, ...] = (
    *(ABSENT, None, True, False, "", "9999999999", "\u0661\u0662", [], [9999999999], {}),
    *(9999999999.0, 9999999999.5, 1e300, -1, -(2**53), 2**53, 2**63, 2**64, 10**19),
)
DATES = [
    *(
        _claim(name, value, f"{name} is missing or malformed")
        for name in ("exp", "iat")
        for value in NO_DATE
    ),
    *(
        _claim(name, value, f"{name} is malformed")
        for name in ("nbf", "auth_time")
        for value in NO_DATE
        if value is not ABSENT
    ),
    *(
        _claim(name, value, PAYLOAD_JSON)
        for name in ("exp", "iat", "nbf", "auth_time")
        for value in (float("nan"), float("inf"), 10**20, 10**400)
    ),
    _claim("exp", 0, EXPIRED),
    _claim_of("exp", "now", lambda s: s.now, EXPIRED),
    _claim_of("exp", "a second ago", lambda s: s.now - 1, EXPIRED),
    _claim_of("exp", "a day ago", lambda s: s.now - 86400, EXPIRED),
    _claim_of("exp", "an hour and a second after iat", lambda s: s.now + 3601, TOO_LONG),
    _claim_of("exp", "a day after iat", lambda s: s.now + 86_400, TOO_LONG),
    _claim("exp", 2**53 - 1, TOO_LONG),
    _claim_of("iat", "an hour and a second before exp", lambda s: s.now - 2701, TOO_LONG),
    _claim("iat", 0, TOO_LONG),
    _claim_of("iat", "61 seconds ahead", lambda s: s.now + 61, FUTURE),
    _claim_of("iat", "in milliseconds", lambda s: s.now * 1000, FUTURE),
    _claim_of("nbf", "in a second", lambda s: s.now + 1, NOT_YET),
    _claim_of("nbf", "in an hour", lambda s: s.now + 3600, NOT_YET),
]
