"""A small site as a WSGI application, without a framework. A server calls `application`."""

from raw_wsgi.app import application

__all__ = ["application"]
