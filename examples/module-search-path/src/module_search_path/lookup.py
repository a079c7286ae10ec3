"""Questions to the import system that import nothing."""

import sys
from importlib.machinery import BuiltinImporter, FrozenImporter
from importlib.util import find_spec
from pathlib import Path


# --8<-- [start:locate]
def locate(name: str) -> str:
    """Say where ``import name`` would find the module, without importing it.

    Args:
        name: A module name without dots, such as ``json``.

    Returns:
        The path of its file, ``built-in`` or ``frozen`` for a module inside the
        interpreter, or the folders of a package that has no ``__init__.py``.

    Raises:
        ModuleNotFoundError: No entry of ``sys.path`` has a module of this name.
    """
    spec = find_spec(name)
    if spec is None:
        message = f"no module named {name!r} on sys.path: install it or correct it"
        raise ModuleNotFoundError(message, name=name)
    if spec.origin is not None:
        return spec.origin
    return ", ".join(spec.submodule_search_locations or [])


# --8<-- [end:locate]


# --8<-- [start:hidden_by]
def inside_interpreter(name: str) -> bool:
    """Say whether the interpreter itself holds the module, as it holds ``sys``."""
    importers = (BuiltinImporter, FrozenImporter)
    return any(importer.find_spec(name) is not None for importer in importers)


def hidden_by(folder: Path) -> list[str]:
    """Name the standard modules that the files in a folder hide.

    They do so when the folder comes before the standard library on ``sys.path``.

    Args:
        folder: The folder to look into, not the folders below it.

    Returns:
        Module names in alphabetical order. A module inside the interpreter is
        never among them, since Python finds it before it reads ``sys.path``.
    """
    files = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    candidates = (files | packages) & sys.stdlib_module_names
    return sorted(name for name in candidates if not inside_interpreter(name))


# --8<-- [end:hidden_by]
