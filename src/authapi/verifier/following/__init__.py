"""Keeps an issuer's keys and revocations up to date over HTTP, on one thread."""
