"""Django REST framework with simplejwt: rotating refresh tokens, and the blacklist app."""
