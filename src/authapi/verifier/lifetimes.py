"""How long things live and are kept, in seconds. The rules depend on one another."""

MAX_ACCESS_TOKEN_SECONDS = 3600  # the longest that AUTHAPI_ACCESS_TOKEN_TTL can make one live
MAX_LEEWAY_SECONDS = 30
CLOCKS_DIFFER_SECONDS = 60  # an honest issuer's clock may be that far off a verifier's
IAT_TOLERANCE_SECONDS = CLOCKS_DIFFER_SECONDS

# After that no access token of a revoked session can be in force, whatever the settings were.
WINDOW_SECONDS = MAX_ACCESS_TOKEN_SECONDS + MAX_LEEWAY_SECONDS + CLOCKS_DIFFER_SECONDS

# A revocation becomes visible up to 5 s after its moment: readers look this far back, and unite.
LOOK_BACK_SECONDS = 60

# Keys that the issuer has not confirmed for so long verify nothing: one may be compromised.
KEYS_MAX_AGE_SECONDS = 3600

# A verification waits at most so long for what a verifier has to fetch first.
PATIENCE_SECONDS = 2.0
