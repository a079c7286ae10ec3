"""What can be wrong with a language."""


class GreetingError(Exception):
    """A language that cannot be used; the message says which, why, and what to do."""


class UnknownLanguageError(GreetingError):
    """No installed package has the language."""


class BrokenLanguageError(GreetingError):
    """The package that has the language cannot be used."""


class AmbiguousLanguageError(GreetingError):
    """Several packages have the language."""
