"""The events that are logged: one catalogue, one way to record them."""
