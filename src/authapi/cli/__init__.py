"""The `authapi` command."""
