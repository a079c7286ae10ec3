"""The languages that come with the library, registered in `pyproject.toml` as those of plugins are."""


# --8<-- [start:english]
def english(name: str) -> str:
    """Return a greeting in English."""
    return f"Hello, {name}!"


# --8<-- [end:english]


def german(name: str) -> str:
    """Return a greeting in German."""
    return f"Hallo, {name}!"
