"""For each rival that needs them: tables and users (`prepare`), and credentials as JSON lines."""
