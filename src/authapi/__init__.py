"""authapi: log-in with access tokens that can be revoked."""
