"""What happens to people and keys, worth telling: one catalogue, one way to record it."""
