"""A small site in FastAPI: it greets a guest."""

from fastapi_hello.app import application

__all__ = ["application"]
