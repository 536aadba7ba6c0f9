"""The rules: a use case a file. A service opens its one transaction.

A function that uses the database may raise Unavailable. A function that returns `Hashing` hashes
passwords: the password pool carries it out.
"""
