"""How many scopes an account may have."""

from authapi.errors import InvalidField

# Characters of all scopes, with the spaces. An access token may be a cookie, and browsers keep 4096
# bytes of one: with the longest PUBLIC_URL and AUDIENCE this still fits.
MAX_LENGTH = 1500


def require_grantable(scopes: str) -> None:
    """Raise InvalidField for more scopes than an access token may carry."""
    if len(scopes) > MAX_LENGTH:
        sentence = f"all scopes together may have {MAX_LENGTH} characters at most"
        raise InvalidField("scope", sentence, "too_long")
