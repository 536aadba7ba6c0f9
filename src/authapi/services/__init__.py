"""The rules: a use case a file, named by it. A service owns its one transaction."""
