"""The first module."""


def bar() -> str:
    """Say who was called."""
    return "bar, in module a"
