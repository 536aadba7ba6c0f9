"""How every process learns what is revoked."""
