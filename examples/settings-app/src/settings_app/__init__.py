"""Notes over HTTP, with settings that are typed, read once, and never printed."""

from settings_app.app import make_app
from settings_app.settings import Secret, Settings, SettingsError, load

__all__ = ["Secret", "Settings", "SettingsError", "load", "make_app"]
