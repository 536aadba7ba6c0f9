"""What differs between PostgreSQL and SQLite: connecting, time-outs, notifications."""
