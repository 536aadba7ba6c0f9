"""The settings, and the secret file. `Settings` and `load_settings` are for embedders too."""

from authapi.config.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
