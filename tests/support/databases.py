"""Where the database makes no difference, one is enough."""

import pytest

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
