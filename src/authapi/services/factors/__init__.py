"""More ways in: each file a kind of factor, and `steps`, what is enough for a session."""
