"""The reference links that every page can use, from the addresses that the installed clients carry."""

from importlib import import_module


def links() -> str:
    """Write `[PyPI]` and `[TestPyPI]`, as Markdown, from pip's own constants.

    Raises:
        ImportError: where this environment has no pip, or one that keeps them elsewhere.
    """
    where = "pip._internal.models.index"
    try:
        index = import_module(where)
        return f"[PyPI]: {index.PyPI.url}\n[TestPyPI]: {index.TestPyPI.url}\n"
    except (ImportError, AttributeError) as error:
        remedy = "install what requirements.txt lists, or mend docs/.hooks/guide/links.py for a newer pip"
        raise ImportError(f"no addresses of the package indexes in {where}: {error}; {remedy}") from error
