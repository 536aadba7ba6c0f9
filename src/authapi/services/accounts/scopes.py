"""How much an account may be allowed."""

from authapi.errors import InvalidField

# Characters of all scopes together, with the spaces between. An access token may be a cookie, of
# which browsers keep 4096 bytes: with the longest PUBLIC_URL and AUDIENCE this still fits.
MAX_LENGTH = 1500


def require_grantable(scopes: str) -> None:
    """Raises InvalidField for more than an access token may carry."""
    if len(scopes) > MAX_LENGTH:
        sentence = f"all scopes together may have {MAX_LENGTH} characters at most"
        raise InvalidField("scope", sentence, "too_long")
