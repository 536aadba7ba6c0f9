"""Which scopes an account may have, and how many."""

from collections.abc import Iterable

from authapi.errors import SCOPE, InvalidField
from authapi.services.accounts.administrators import OWN_SCOPES

# Characters of all scopes, with the spaces. An access token may be a cookie, and browsers keep 4096
# bytes of one: with the longest PUBLIC_URL and AUDIENCE this still fits.
MAX_LENGTH = 1500
RESERVED = "authapi:"  # a scope of ours that is misspelt must not be granted in silence


def joined(scopes: Iterable[str]) -> str:
    """Return the scopes as they are stored. Raises InvalidField for what can't be one."""
    wanted = sorted(set(scopes))
    if not all(SCOPE.fullmatch(scope) for scope in wanted):
        sentence = "a scope is printable ASCII without spaces, quotes and backslashes"
        raise InvalidField("scopes", sentence, "scope_invalid")
    return " ".join(wanted)


def require_grantable(scopes: str) -> None:
    """Raise InvalidField for more than an access token may carry, and for scopes we don't have."""
    if len(scopes) > MAX_LENGTH:
        sentence = f"all scopes together may have {MAX_LENGTH} characters at most"
        raise InvalidField("scopes", sentence, "too_long")
    ours = {scope for scope in scopes.split() if scope.startswith(RESERVED)}
    if not ours <= OWN_SCOPES:
        known = ", ".join(sorted(OWN_SCOPES))
        sentence = f"of the scopes that begin with {RESERVED} there are only {known}"
        raise InvalidField("scopes", sentence, "scope_unknown")
