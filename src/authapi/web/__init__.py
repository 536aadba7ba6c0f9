"""HTTP in, HTTP out: no rules and no SQL."""
