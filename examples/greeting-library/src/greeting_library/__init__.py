"""Greetings in several languages, which other packages can add to."""

from importlib.metadata import version

from greeting_library._errors import AmbiguousLanguageError, BrokenLanguageError, GreetingError, UnknownLanguageError
from greeting_library._greet import greet, languages

__all__ = [
    "AmbiguousLanguageError",
    "BrokenLanguageError",
    "GreetingError",
    "UnknownLanguageError",
    "__version__",
    "greet",
    "languages",
]

__version__ = version("greeting-library")
