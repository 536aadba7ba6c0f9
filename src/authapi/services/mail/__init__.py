"""Mails: what they say, the table where they wait, how they are sent, what their links do."""
