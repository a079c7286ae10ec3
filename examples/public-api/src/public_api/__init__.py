"""Weather formulas."""

# --8<-- [start:names]
from importlib.metadata import version

from public_api._chill import wind_chill

__all__ = ["__version__", "wind_chill"]

__version__ = version("public-api")
# --8<-- [end:names]


# --8<-- [start:deprecated]
def __getattr__(name: str) -> object:
    if name == "windchill":
        import warnings

        warnings.warn("public_api.windchill is now wind_chill", DeprecationWarning, stacklevel=2)
        return wind_chill
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --8<-- [end:deprecated]
