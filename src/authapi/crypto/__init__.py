"""Bytes in, bytes out: no SQL, no rules, no clock."""
