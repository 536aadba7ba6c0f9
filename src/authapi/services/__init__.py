"""The rules: a use case a file. A service opens its one transaction.

A function that uses the database may raise Unavailable. A function that takes `Passwords` or a
hasher hashes: run it on the password pool.
"""
