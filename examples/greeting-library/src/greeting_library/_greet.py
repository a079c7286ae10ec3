"""Find the languages of installed packages, and greet in one of them."""

# --8<-- [start:find]
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from greeting_library._errors import AmbiguousLanguageError, BrokenLanguageError, UnknownLanguageError

GROUP = "greeting_library.languages"


def languages() -> list[str]:
    """Return the codes of all languages that installed packages have, sorted.

    No plugin is imported for it, so one that is broken is listed, too.
    """
    return sorted(entry_points(group=GROUP).names)


# --8<-- [end:find]


# --8<-- [start:greet]
def greet(name: str, language: str = "en") -> str:
    """Return a greeting.

    Args:
        name: who is greeted.
        language: the code of a language, one of `languages()`.

    Returns:
        The greeting, such as "Hello, Ada!".

    Raises:
        ValueError: if the name is blank.
        UnknownLanguageError: if no installed package has the language.
        AmbiguousLanguageError: if several packages have it.
        BrokenLanguageError: if the package that has it cannot be imported.
    """
    if not name.strip():
        raise ValueError(f"the name is blank: {name!r}; say who is greeted")
    return _load(_find(language))(name)


# --8<-- [end:greet]


# --8<-- [start:load]
def _find(language: str) -> EntryPoint:
    found = list(entry_points(group=GROUP, name=language))
    if not found:
        raise UnknownLanguageError(
            f"unknown language {language!r}; installed are {', '.join(languages())}. To add it, "
            f"install a package with an entry point {language!r} in the group {GROUP!r}"
        )
    if len(found) > 1:
        owners = sorted(map(_describe, found))
        raise AmbiguousLanguageError(
            f"language {language!r} comes from {' and from '.join(owners)}; uninstall all of these packages but one"
        )
    return found[0]


def _load(plugin: EntryPoint) -> Callable[[str], str]:
    try:
        function = plugin.load()
    except Exception as error:  # the code of a plugin can fail in any way while it is imported
        raise BrokenLanguageError(
            f"language {plugin.name!r} comes from {_describe(plugin)}, which cannot be imported: "
            f"{type(error).__name__}: {error}; update or uninstall that package"
        ) from error
    if not callable(function):
        raise BrokenLanguageError(
            f"language {plugin.name!r} comes from {_describe(plugin)}, which is no function; "
            "update or uninstall that package"
        )
    return function  # type: ignore[no-any-return]


def _describe(plugin: EntryPoint) -> str:
    package = f"{plugin.dist.name} {plugin.dist.version}" if plugin.dist else "an unknown package"
    return f"{plugin.value!r} of {package}"


# --8<-- [end:load]
