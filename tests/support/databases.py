"""The databases that a test runs on: each of both, or one where the other adds nothing."""

import pytest

DATABASES = ("sqlite", "postgresql")

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
