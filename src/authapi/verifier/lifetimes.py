"""How long things live and are kept, in seconds. One place: the rules lean on one another."""

MAX_ACCESS_TOKEN_SECONDS = 3600
MAX_LEEWAY_SECONDS = 30
CLOCKS_DIFFER_SECONDS = 60

# The longest life that an access token can have, whatever the setting is or was, with the
# greatest leeway and some slack: after that nothing of a revoked session can be in force.
WINDOW_SECONDS = MAX_ACCESS_TOKEN_SECONDS + MAX_LEEWAY_SECONDS + CLOCKS_DIFFER_SECONDS
