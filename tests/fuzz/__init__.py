"""Schemathesis asks every route of a real server: `make test-fuzz`."""
