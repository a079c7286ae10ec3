"""A catalogue of the packages that a team likes."""

from flask_site.app import create_app

__all__ = ["create_app"]
