"""Greetings, and what plugins can do to them."""

from collections.abc import Callable
from importlib.metadata import version

import pytest

import greeting_library
from greeting_library import (
    AmbiguousLanguageError,
    BrokenLanguageError,
    GreetingError,
    UnknownLanguageError,
    greet,
    languages,
)

FRENCH = "def french(name): return f'Bonjour, {name} !'\n"


def test_the_public_names_are_these() -> None:
    names = ["AmbiguousLanguageError", "BrokenLanguageError", "GreetingError", "UnknownLanguageError"]
    assert greeting_library.__all__ == [*names, "__version__", "greet", "languages"]
    assert all(hasattr(greeting_library, name) for name in greeting_library.__all__)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert greeting_library.__version__ == version("greeting-library")


@pytest.mark.parametrize(("language", "greeting"), [("en", "Hello, Ada!"), ("de", "Hallo, Ada!")])
def test_a_language_of_the_library_greets(language: str, greeting: str) -> None:
    assert greet("Ada", language=language) == greeting


def test_the_language_is_english_unless_another_is_asked_for() -> None:
    assert greet("Ada") == "Hello, Ada!"


def test_the_languages_are_sorted() -> None:
    assert languages() == ["de", "en"]


@pytest.mark.parametrize("name", ["", " \t"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="blank") as caught:
        greet(name)
    assert str(caught.value) == f"the name is blank: {name!r}; say who is greeted"


def test_an_unknown_language_says_what_there_is_and_how_to_add_it() -> None:
    with pytest.raises(UnknownLanguageError) as caught:
        greet("Ada", language="fr")
    assert str(caught.value) == (
        "unknown language 'fr'; installed are de, en. To add it, install a package with an entry "
        "point 'fr' in the group 'greeting_library.languages'"
    )


def test_a_plugin_adds_a_language(install: Callable[..., None]) -> None:
    install("greeting-french", {"fr": "french"}, FRENCH)
    assert languages() == ["de", "en", "fr"]
    assert greet("Ada", language="fr") == "Bonjour, Ada !"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("", "cannot be imported: AttributeError: module 'greeting_broken' has no attribute 'french'"),
        ("raise RuntimeError('no licence')", "cannot be imported: RuntimeError: no licence"),
        ("french = 'Bonjour'", "is no function"),
    ],
)
def test_a_broken_plugin_is_named_and_breaks_nothing_else(install: Callable[..., None], code: str, fault: str) -> None:
    install("greeting-broken", {"fr": "french"}, code)
    with pytest.raises(BrokenLanguageError) as caught:
        greet("Ada", language="fr")
    assert str(caught.value) == (
        f"language 'fr' comes from 'greeting_broken:french' of greeting-broken 2.0, which {fault}; "
        "update or uninstall that package"
    )
    assert greet("Ada", language="de") == "Hallo, Ada!"
    assert languages() == ["de", "en", "fr"]


def test_two_plugins_for_one_language_are_both_named_and_break_nothing_else(install: Callable[..., None]) -> None:
    install("greeting-french", {"fr": "french"}, FRENCH)
    install("greeting-breton", {"fr": "french"}, FRENCH)
    with pytest.raises(AmbiguousLanguageError) as caught:
        greet("Ada", language="fr")
    assert str(caught.value) == (
        "language 'fr' comes from 'greeting_breton:french' of greeting-breton 2.0 and from "
        "'greeting_french:french' of greeting-french 2.0; uninstall all of these packages but one"
    )
    assert greet("Ada") == "Hello, Ada!"
    assert languages() == ["de", "en", "fr"]


@pytest.mark.parametrize("error", [UnknownLanguageError, BrokenLanguageError, AmbiguousLanguageError])
def test_one_except_catches_every_error_of_a_language(error: type[GreetingError]) -> None:
    assert issubclass(error, GreetingError)
