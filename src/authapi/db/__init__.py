"""SQL, and nothing else: what to fetch and to write, never what it means."""
