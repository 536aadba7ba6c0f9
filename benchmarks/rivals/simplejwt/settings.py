"""Simple JWT's "Getting started" and "Blacklist app", with all left out that slows an API down."""

import os
from datetime import timedelta
from typing import Any

from psycopg.conninfo import conninfo_to_dict

_database: dict[str, Any] = conninfo_to_dict(os.environ["DATABASE_URL"])

SECRET_KEY = "c41f0e7b92d84a5fb6e3107d5a8c9f2e64b1d03c7fa2e958"  # noqa: S105 - lives for one run
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
]
# Those of startproject serve pages, forms and cookies: none has a part in an API with tokens.
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "benchmarks.rivals.simplejwt.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.get("dbname", ""),
        "USER": _database.get("user", ""),
        "PASSWORD": _database.get("password", ""),
        "HOST": _database.get("host", ""),
        "PORT": _database.get("port", ""),
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),  # not its five minutes: a run takes longer
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
