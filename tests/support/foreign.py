"""The headers that say where a request comes from: as browsers send them, and forged."""

from collections.abc import Sequence

Headers = Sequence[tuple[str, str]]

OURS = "https://auth.example"
APP = "https://app.example"  # one of CORS_ORIGINS
PUBLIC_URL = f"{OURS}/base"
SETTINGS = {"public_url": PUBLIC_URL, "cors_origins": APP}

NOT_FOREIGN: dict[str, Headers] = {
    "no browser": [],
    "our page": [("Origin", OURS), ("Sec-Fetch-Site", "same-origin")],
    "an allowed origin": [("Origin", APP), ("Sec-Fetch-Site", "cross-site")],
    "no Origin, same site": [("Sec-Fetch-Site", "same-site")],
    "no Origin, typed in": [("Sec-Fetch-Site", "none")],
}
FOREIGN: dict[str, Headers] = {
    "another site": [("Origin", "https://evil.example")],
    "another site, as it says": [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "same-origin"),
    ],
    "null": [("Origin", "null")],
    "empty": [("Origin", "")],
    "a subdomain": [("Origin", "https://www.auth.example")],
    "the parent": [("Origin", "https://example")],
    "a longer host": [("Origin", "https://auth.example.evil.example")],
    "a host that ends like it": [("Origin", "https://evilauth.example")],
    "a user in it": [("Origin", "https://auth.example@evil.example")],
    "another port": [("Origin", "https://auth.example:8443")],
    "the port that is meant": [("Origin", "https://auth.example:443")],
    "another scheme": [("Origin", "http://auth.example")],
    "another case": [("Origin", "https://AUTH.example")],
    "a path": [("Origin", PUBLIC_URL)],
    "a slash": [("Origin", f"{OURS}/")],
    "a dot": [("Origin", "https://auth.example.")],
    "two in one": [("Origin", f"{OURS} https://evil.example")],
    "a list": [("Origin", f"{OURS}, https://evil.example")],
    "two headers": [("Origin", OURS), ("Origin", "https://evil.example")],
    "twice ours": [("Origin", OURS), ("Origin", OURS)],
    "no Origin, cross-site": [("Sec-Fetch-Site", "cross-site")],
}
