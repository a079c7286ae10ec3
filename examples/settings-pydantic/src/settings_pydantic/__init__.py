"""Typed settings with pydantic-settings."""

from settings_pydantic.settings import Settings, SettingsError, load

__all__ = ["Settings", "SettingsError", "load"]
