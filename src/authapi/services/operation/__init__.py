"""Start and readiness, for an operator."""
