"""Sessions: log-in, refresh, log-out, and the tokens they give."""
