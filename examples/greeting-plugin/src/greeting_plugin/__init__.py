"""French for greeting-library, which finds it by the entry point in `pyproject.toml`."""


# --8<-- [start:french]
def french(name: str) -> str:
    """Return a greeting in French.

    Args:
        name: who is greeted; greeting-library has refused blank names.

    Returns:
        The greeting, such as "Bonjour, Ada !".
    """
    return f"Bonjour, {name} !"


# --8<-- [end:french]
