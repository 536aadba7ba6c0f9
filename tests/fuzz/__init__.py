"""Schemathesis asks every route of a real server: `make test-fuzz`."""

ADMINISTRATOR = "root@example.com"
# The document's own example: what it shows for a password is then the account's.
PASSWORD = "correct horse battery staple"
