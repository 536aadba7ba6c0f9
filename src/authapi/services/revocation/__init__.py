"""Tell every process what is revoked."""
