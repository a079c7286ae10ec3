"""A small greeting site in Flask."""

from flask_hello.site import application

__all__ = ["application"]
