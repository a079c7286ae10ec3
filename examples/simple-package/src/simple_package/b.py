"""The second module."""


def foo() -> str:
    """Say who was called."""
    return "foo, in module b"
