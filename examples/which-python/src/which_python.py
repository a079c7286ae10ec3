"""Say which Python and which pip you run, and in one line why a module is not found.

    python which_python.py            the set-up alone
    python which_python.py MODULE     and where MODULE comes from, or why it does not

Save this one file, and run it with the Python that fails, in the folder where it fails. It needs
nothing but Python 3.11 or newer. It reads files and nothing else: it starts no program, opens no
connection, changes nothing, and imports only the standard library, never MODULE.

Where Python itself does not start, `python -E which_python.py` does: -E ignores PYTHONHOME.

Exit status: 0 nothing is wrong, 1 something is, 2 the command line was not understood.
"""

# ruff: noqa: E402  (the path is put in order before anything is imported)
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs this may well have an older one)
    sys.stderr.write("which_python: needs Python 3.11 or newer; this is " + sys.executable + "\n")
    sys.exit(2)


def _own(path: list[str]) -> list[str]:
    """Give what Python itself put on the path: what comes before its zip file is the user's."""
    zipped = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return path[next((i for i, entry in enumerate(path) if entry.endswith(zipped)), 0) :]


if __name__ == "__main__":
    sys.path[:] = _own(sys.path)  # a random.py beside this file must not be imported by it

import argparse
import os
import pkgutil
import re
import shlex
import shutil
import site
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, all_suffixes
from typing import NamedTuple

WINDOWS = os.name == "nt"
BIN = "Scripts" if WINDOWS else "bin"
PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?(?:\.exe)?", re.IGNORECASE)
THIS = ".".join(map(str, sys.version_info[:2]))


class Interpreter(NamedTuple):
    """A Python on this machine, described from files, without running it.

    Attributes:
        executable: Its path as it was found.
        home: What tells two Pythons apart: the folder of a virtual environment, else the real file.
        version: Such as `3.13`; empty where no file says it.
        environment: Whether it is that of a virtual environment.
        sites: The folders into which its packages are installed.
        lost: Where its symbolic link leads, when nothing is there.
    """

    executable: str
    home: str
    version: str
    environment: bool
    sites: tuple[str, ...]
    lost: str = ""

    def __str__(self) -> str:
        """Give the path, and the version where it is known."""
        return f"{self.executable} ({self.version})" if self.version else self.executable


class Launcher(NamedTuple):
    """A command such as `pip`, and the Python that it starts; empty where the file does not tell."""

    path: str
    python: str


class Finding(NamedTuple):
    """What is wrong, in one line, and the command that mends it."""

    wrong: str
    do: str


# --8<-- [start:interpreter]
def read_interpreter(executable: str) -> Interpreter:
    """Describe the Python behind a path from the files around it.

    The file `pyvenv.cfg` one folder up marks a virtual environment (PEP 405).

    Args:
        executable: The path of a `python`, which may be a symbolic link that leads nowhere.
    """
    real = os.path.realpath(executable)
    folder = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    environment = os.path.isfile(os.path.join(folder, "pyvenv.cfg"))
    root = folder if environment else os.path.dirname(os.path.dirname(real))
    name = re.search(r"python(3\.\d+)", os.path.basename(real))
    version = name[1] if name else re.sub(r"^(\d+\.\d+).*", r"\1", settings(folder).get("version_info", ""))
    libraries = [os.path.join(root, "lib", f"python{version}", "site-packages")]
    libraries.append(os.path.join(root, "Lib", "site-packages"))  # Windows
    if not environment:  # Debian's own folders, and the user's
        libraries.append(os.path.join(root, "local", "lib", f"python{version}", "dist-packages"))
        libraries.append(os.path.join(root, "lib/python3/dist-packages"))
        libraries.append(os.path.join(os.path.expanduser("~"), ".local", "lib", f"python{version}", "site-packages"))
    sites = tuple(library for library in libraries if os.path.isdir(library))
    lost = real if os.path.islink(executable) and not os.path.exists(real) else ""
    home = os.path.realpath(folder) if environment else real
    return Interpreter(executable, home, version, environment, sites, lost)


# --8<-- [end:interpreter]


def settings(folder: str) -> dict[str, str]:
    """Read `pyvenv.cfg` of an environment; empty where there is none."""
    pairs = (line.partition("=") for line in text(os.path.join(folder, "pyvenv.cfg")).splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def made_from(folder: str) -> str:
    """Say which Python an environment was made from; uv writes its folder alone."""
    noted = settings(folder)
    name = os.path.basename(os.path.realpath(os.path.join(folder, BIN, "python")))
    return noted.get("executable") or os.path.join(noted.get("home", ""), name)


def text(path: str, limit: int = 4_000_000) -> str:
    """Read at most `limit` bytes of a file; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def names(folder: str) -> list[str]:
    """List a folder; empty where it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


# Which python, which pip


# --8<-- [start:launcher]
def read_launcher(path: str) -> Launcher:
    """Read from a command's own file which Python it starts: its first line says so.

    Args:
        path: A script that pip or uv wrote, its `.exe` on Windows, or a shim of pyenv.
    """
    root = pyenv_root(path)
    if root:
        return Launcher(path, pyenv_target(root, os.path.basename(path)))
    lines = text(path).splitlines() or [""]
    if lines[0].startswith("MZ"):  # Windows: a program, then the line, then a zip
        lines = re.findall(r"#![^\r\n]*python[^\r\n]*\.exe\"?(?=\r?\n)", text(path))[-1:] or [""]
    if lines[0] == "#!/bin/sh" and len(lines) > 1:  # the form for long paths and spaces: '''exec' "/x y/python" "$0"
        words = re.match(r"'''exec' (?:\"([^\"]+)\"|(\S+))", lines[1])
        return Launcher(path, (words[1] or words[2]) if words else "")
    if not lines[0].startswith("#!"):
        return Launcher(path, "")
    program, *arguments = re.findall(r'"[^"]*"|[^\s"]+', lines[0][2:]) or [""]
    if program == "/usr/bin/env":
        return Launcher(path, shutil.which(arguments[-1]) or "" if arguments else "")
    program = program.strip('"')  # which Windows has around a path with spaces
    return Launcher(path, program if PYTHON.fullmatch(re.split(r"[/\\]", program)[-1]) else "")


# --8<-- [end:launcher]


def pyenv_root(path: str) -> str:
    """Say whose shim a file is: the folder of that pyenv; empty where it is none."""
    found = re.search(r'^export PYENV_ROOT="([^"]+)"', text(path, 1024), re.MULTILINE)
    return found[1] if found else ""


def pyenv_selection(root: str) -> tuple[list[str], str]:
    """Give the versions that pyenv would take in this folder, and what selects them."""
    if os.environ.get("PYENV_VERSION"):
        return os.environ["PYENV_VERSION"].split(":"), "PYENV_VERSION"
    for path in [*(os.path.join(folder, ".python-version") for folder in upwards()), os.path.join(root, "version")]:
        selected = re.sub(r"#.*", "", text(path)).split()
        if selected:
            return selected, path
    return ["system"], "pyenv"


def pyenv_folder(root: str, version: str) -> str:
    """Give the folder of an installed version, which `3.12` may stand for the newest of; empty where it lacks."""
    folders = os.path.join(root, "versions")
    fitting = [name for name in names(folders) if name == version or name.startswith(version + ".")]
    newest = sorted(fitting, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    return os.path.join(folders, newest[-1]) if newest else ""


def pyenv_target(root: str, program: str) -> str:
    """Say which Python a shim starts here; empty where it starts none."""
    for version in pyenv_selection(root)[0]:
        if version == "system":
            shims = os.path.realpath(os.path.join(root, "shims"))
            others = [entry for entry in os.get_exec_path() if os.path.realpath(entry) != shims]
            return shutil.which("python3", path=os.pathsep.join(others)) or ""
        folder = pyenv_folder(root, version)
        for name in (program, "python", "python3"):
            if folder and PYTHON.fullmatch(name) and os.path.exists(os.path.join(folder, BIN, name)):
                return os.path.join(folder, BIN, name)
    return ""


def upwards() -> Iterator[str]:
    """Give the current folder, the one above it, and so on."""
    folder = os.getcwd()
    yield folder
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def environments() -> list[Interpreter]:
    """Find the activated environment, and those beside and above the current folder."""
    folders = [os.environ["VIRTUAL_ENV"]] if os.environ.get("VIRTUAL_ENV") else []
    folders += [os.path.join(folder, name) for folder in upwards() for name in (".venv", "venv", "env")]
    return [
        read_interpreter(os.path.join(folder, BIN, "python.exe" if WINDOWS else "python"))
        for folder in folders
        if os.path.isfile(os.path.join(folder, "pyvenv.cfg"))
    ]


def on_path() -> Iterator[str]:
    """Give every `python`, `python3` and `python3.x` on PATH, in its order; shims stand for others and are left out."""
    for folder in dict.fromkeys(os.path.realpath(entry) for entry in os.get_exec_path()):
        for name in names(folder):
            path = os.path.join(folder, name)
            if PYTHON.fullmatch(name) and os.access(path, os.X_OK) and os.path.isfile(path) and not pyenv_root(path):
                yield path


def others(this: Interpreter, pip: Launcher | None) -> list[Interpreter]:
    """Find all other Pythons: environments nearby, on PATH, pip's, pyenv's. Each once."""
    shim = shutil.which("python") or shutil.which("python3") or ""
    root = pyenv_root(shim) or os.environ.get("PYENV_ROOT", "")
    versions = os.path.join(root, "versions")
    paths = [*on_path(), *([pip.python] if pip and pip.python else [])]
    paths += [os.path.join(versions, name, BIN, "python") for name in (names(versions) if root else [])]
    found = [*environments(), *(read_interpreter(path) for path in paths if os.path.exists(path))]
    each: dict[str, Interpreter] = {}
    for python in found:
        each.setdefault(python.home, python)
    return [python for python in each.values() if python.home != this.home]


# Where a module comes from


def start_folders() -> list[str]:
    """Give what Python puts first on the path of a program that is started here, then PYTHONPATH."""
    safe = os.environ.get("PYTHONSAFEPATH") or (sys.flags.safe_path and not sys.flags.isolated)
    entries = os.environ.get("PYTHONPATH", "")
    return [*([] if safe else [os.getcwd()]), *(map(os.path.abspath, entries.split(os.pathsep)) if entries else [])]


# --8<-- [start:locate]
def locate(name: str, path: Iterable[str]) -> ModuleSpec | None:
    """Find what `import name` would take, and import nothing.

    `importlib.util.find_spec` imports the packages that a dotted name begins with. This follows
    their folders instead.

    Args:
        name: A module name, with or without dots.
        path: The folders to search, from first to last.
    """
    head, _, rest = name.partition(".")
    spec = _inside(head) or _in_folders(head, path)
    for finder in sys.meta_path if spec is None else ():  # those of editable installs
        if getattr(finder, "__name__", type(finder).__name__).startswith("_Editable"):
            spec = spec or finder.find_spec(head, None)
    for part in rest.split(".") if rest else ():
        if spec is None or spec.submodule_search_locations is None:
            return None
        head = f"{head}.{part}"
        spec = _in_folders(head, spec.submodule_search_locations)
    return spec


def _inside(name: str) -> ModuleSpec | None:
    """Find a module that the interpreter itself holds: no folder is looked at for those."""
    return BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name)


def _in_folders(name: str, path: Iterable[str]) -> ModuleSpec | None:
    portions: list[str] = []
    for entry in path:
        importer = pkgutil.get_importer(entry)
        spec = importer.find_spec(name) if importer else None
        if spec is not None and spec.loader is not None:
            return spec
        portions += (spec.submodule_search_locations or []) if spec else []
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


# --8<-- [end:locate]


def place(spec: ModuleSpec) -> str:
    """Say where a module was found."""
    if spec.origin:
        return spec.origin
    return ", ".join(spec.submodule_search_locations or []) + " (no __init__.py)"


def hides(folder: str) -> list[tuple[str, str]]:
    """Name the files in a folder that hide a standard module, each with that module."""
    found = []
    for name in names(folder):
        path = os.path.join(folder, name)
        module = next((name.removesuffix(s) for s in all_suffixes() if name.endswith(s)), name)
        if module not in sys.stdlib_module_names or _inside(module):
            continue
        if os.path.isfile(path) if module != name else os.path.isfile(os.path.join(path, "__init__.py")):
            found.append((path, module))
    return found


class Distribution(NamedTuple):
    """What one `.dist-info` folder says: the name to install, the version, the names to import."""

    name: str
    version: str
    imports: tuple[str, ...]


def distributions(folder: str) -> Iterator[Distribution]:
    """Read which distribution packages a site-packages holds."""
    for info in names(folder):
        if info.endswith(".dist-info"):
            at = os.path.join(folder, info)
            name = re.search(r"^Name: *(\S+)", text(os.path.join(at, "METADATA"), 4096), re.MULTILINE)
            stem, _, version = info.removesuffix(".dist-info").partition("-")
            tops = text(os.path.join(at, "top_level.txt")).split() or re.findall(
                r"^([^/,.\n]+)(?:/|\.py,|\.[^/,\n]*(?:so|pyd),)", text(os.path.join(at, "RECORD")), re.MULTILINE
            )
            imports = {top for top in tops if top.isidentifier() and top != "__pycache__"}
            yield Distribution(name[1] if name else stem, version, tuple(sorted(imports, key=_private_last)))


def _private_last(name: str) -> tuple[bool, str]:
    return name.startswith("_"), name


def normalized(name: str) -> str:
    """Write a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(python: Interpreter, module: str) -> str:
    """Say in which site-packages of a Python a module lies; empty where it has none.

    Lines of `.pth` files count: editable installs are such lines.
    """
    for folder in python.sites:
        linked = [
            line
            for name in names(folder)
            if name.endswith(".pth")
            for line in text(os.path.join(folder, name)).splitlines()
            if os.path.isabs(line)
        ]
        for base in (folder, *linked):
            whole = os.path.join(base, module)
            if os.path.isdir(whole) or os.path.isfile(whole + ".py"):
                return folder
            if any(name.startswith(module + ".") and name.endswith((".so", ".pyd")) for name in names(base)):
                return folder
    return ""


# What is wrong


def quoted(*words: str) -> str:
    """Write a command as the shell reads it."""
    if WINDOWS:
        return " ".join(f'& "{word}"' if i == 0 and " " in word else word for i, word in enumerate(words))
    return shlex.join(words)


def unset(name: str, value: str = "") -> str:
    """Give the command that empties an environment variable, or sets it to what is left."""
    if WINDOWS:
        return f'$env:{name} = "{value}"' if value else f"Remove-Item Env:{name}"
    return f"export {name}={shlex.quote(value)}" if value else f"unset {name}"


def moved_from(folder: str) -> str:
    """Say where an environment was made, when that is not where it is: its `activate` has the path."""
    script = text(os.path.join(folder, BIN, "activate.bat" if WINDOWS else "activate"))
    paths = re.findall(r"""VIRTUAL_ENV=["']?((?:/|[A-Z]:\\)[^"'\n\r]+)""", script)
    if not paths or any(os.path.realpath(path) == os.path.realpath(folder) for path in paths):
        return ""
    return paths[0]


class Doctor:
    """Everything that is known about this Python and its surroundings, and what follows from it."""

    def __init__(self, module: str) -> None:
        """Look at the set-up once.

        Args:
            module: The module that is not found, or empty.
        """
        self.module = module
        self.this = read_interpreter(sys.executable)
        self.activated = os.environ.get("VIRTUAL_ENV", "")
        pip = shutil.which("pip") or shutil.which("pip3")
        self.pip = read_launcher(pip) if pip else None
        self.others = others(self.this, self.pip)
        self.start = start_folders()
        self.rest = _own(sys.path)
        self.sites = [entry for entry in self.rest if entry.endswith("-packages") and os.path.isdir(entry)]
        self.managed = not self.this.environment and os.path.isfile(
            os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
        )
        self.has_pip = locate("pip", self.rest) is not None
        self.by_uv = "uv" in settings(self.this.home)
        self.found = locate(module, [*self.start, *self.rest]) if module else None
        self.elsewhere = [python for python in self.others if module and installed(python, module.partition(".")[0])]
        folders = [*self.start[:1], *script_folder()]
        self.hiding = [pair for folder in dict.fromkeys([*folders, *self.start]) for pair in hides(folder)]

    # --8<-- [start:order]
    def diagnose(self) -> Finding | None:
        """Give the first thing that is wrong, or None.

        What keeps Python from working comes first, then what keeps it from the module, then traps.
        """
        return (
            self._python_home()
            or self._moved()
            or self._activated()
            or self._shim()
            or self._foreign_path()
            or (self._hidden() or self._missing() if self.module else None)
            or self._empty_path()
            or self._hides_standard()
            or (None if self.module else self._pip())
        )

    # --8<-- [end:order]

    def _python_home(self) -> Finding | None:
        folder = os.environ.get("PYTHONHOME")
        if not folder:
            return None
        return Finding(
            f"PYTHONHOME is {folder}: every Python takes its standard library from there", unset("PYTHONHOME")
        )

    def _moved(self) -> Finding | None:
        candidates = [python for python in (self.this, *environments()) if python.environment]
        for python in candidates:
            folder = os.path.dirname(os.path.dirname(python.executable))
            old = moved_from(folder)
            if old and (python.home == self.this.home or old == self.activated):
                wrong = f"{folder} was moved or copied from {old}, and its commands still look there"
                return Finding(wrong, self._again(folder))
        return None

    def _again(self, folder: str) -> str:
        """Make an environment again, with the Python behind this one."""
        base = sys.executable
        if self.this.environment:
            base = made_from(self.this.home)
        return quoted(base, "-m", "venv", "--clear", folder) + "  # then install your packages again"

    def _activated(self) -> Finding | None:
        for python in environments():
            if python.lost and (not self.found or python.home == os.path.realpath(self.activated)):
                folder = os.path.dirname(os.path.dirname(python.executable))
                return Finding(f"the Python of {folder} is gone: it was {python.lost}", self._again(folder))
        if not self.activated:
            return None
        if not os.path.isdir(self.activated):
            return Finding(f"{self.activated} is activated, and is not there any more", "deactivate")
        if os.path.realpath(self.activated) == self.this.home:
            return None
        inside = os.path.join(self.activated, BIN, "python")
        first = shutil.which("python") or ""
        if first and read_interpreter(first).home == os.path.realpath(self.activated):
            wrong = f"{self.activated} is activated, but this is {self.this}: an alias, or its full path"
            return Finding(wrong, quoted(inside, *(("-c", f"import {self.module}") if self.module else ("-m", "site"))))
        wrong = f"{self.activated} is activated, but PATH has {first or 'no python'} before it"
        return Finding(wrong, f". {quoted(os.path.join(self.activated, BIN, 'activate'))}")

    def _shim(self) -> Finding | None:
        shim = shutil.which("python") or ""
        root = pyenv_root(shim) if shim else ""
        versions, origin = pyenv_selection(root) if root else ([], "")
        for version in versions:
            if version != "system" and not pyenv_folder(root, version):
                wrong = f"python is a shim of pyenv, and {version}, which {origin} selects, is not installed"
                return Finding(wrong, quoted("pyenv", "install", version))
        return None

    def _foreign_path(self) -> Finding | None:
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        for entry in entries:
            version = re.search(r"[Pp]ython-?(3\.?\d+)(?=[/\\]|$)", entry)
            if version and version[1].replace(".", "") != THIS.replace(".", ""):
                left = os.pathsep.join(other for other in entries if other and other != entry)
                wrong = f"PYTHONPATH has {entry}, which is for Python {version[1]}; this is {THIS}"
                return Finding(wrong, unset("PYTHONPATH", left))
        return None

    def _empty_path(self) -> Finding | None:
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if len(entries) == 1 or "" not in entries:
            return None
        wrong = "PYTHONPATH has an empty entry: every program imports from the folder it is started in"
        return Finding(wrong, unset("PYTHONPATH", os.pathsep.join(filter(None, entries))))

    def _hidden(self) -> Finding | None:
        """The module is found in a folder of yours, and there is another one further on."""
        head = self.module.partition(".")[0]
        mine, other = locate(head, self.start), locate(head, self.rest)
        if mine is None or mine.origin is None or other is None or other.origin is None or mine.origin == other.origin:
            return None
        if os.path.realpath(mine.origin) == os.path.realpath(other.origin) or not os.path.isabs(other.origin):
            return None
        standard = head in sys.stdlib_module_names
        project = any(os.path.exists(os.path.join(os.getcwd(), name)) for name in ("pyproject.toml", "setup.py"))
        if project and not standard:  # its own source, started from its own folder
            return None
        file = os.path.dirname(mine.origin) if mine.submodule_search_locations else mine.origin
        which = "the standard module" if standard else "the installed"
        return Finding(f"{file} hides {which} {head}", rename(file))

    def _missing(self) -> Finding | None:
        if self.found is not None:
            return None
        head = self.module.partition(".")[0]
        spec = locate(head, [*self.start, *self.rest])
        if spec is not None:
            return Finding(f"{head} is found, and has no {self.module}: {place(spec)}", f"{self._python()} -m pip list")
        if head in sys.stdlib_module_names:
            wrong = f"{head} is a part of Python, and {self.this} was installed without it"
            debian = self.managed and any(site.endswith("dist-packages") for site in self.sites)
            return Finding(wrong, "sudo apt install python3-full" if debian else "install this Python again, whole")
        if locate(head, [os.getcwd()]):
            wrong = f"{head} lies in this folder, and PYTHONSAFEPATH or -P keeps the folder out"
            return Finding(wrong, unset("PYTHONSAFEPATH"))
        for distribution in (each for folder in self.sites for each in distributions(folder)):
            similar = [name for name in distribution.imports if name.lower() == head.lower()]
            if distribution.imports and (similar or normalized(distribution.name) == normalized(self.module)):
                name = (similar or distribution.imports)[0]
                wrong = f"{distribution.name} is installed here, and its name in an import is {name}, not {head}"
                return Finding(wrong, quoted(sys.executable, "-c", f"import {name}"))
        return self._elsewhere(head)

    def _elsewhere(self, head: str) -> Finding:
        pip = read_interpreter(self.pip.python) if self.pip and self.pip.python else None
        nearby = {python.home for python in environments()}
        for python in self.elsewhere:
            name = self._project(python, head)
            if pip and pip.home == python.home:
                wrong = f"pip installs for {python}, which has {head}; this is {self.this}"
                return Finding(wrong, self._install(name))
            if python.home in nearby:
                folder = os.path.dirname(os.path.dirname(python.executable))
                wrong = f"{head} is installed in {folder}; this is {self.this}"
                return Finding(wrong, quoted(python.executable, "-c", f"import {head}"))
        if self.elsewhere:
            python = self.elsewhere[0]
            wrong = f"{head} is installed for {python}; this is {self.this}"
            return Finding(wrong, self._install(self._project(python, head)))
        wrong = f"{head} is not installed for {self.this}, nor for any other Python found"
        return Finding(wrong, self._install(head) + f"  # if {head} is also its name on PyPI")

    def _project(self, python: Interpreter, head: str) -> str:
        """Name the distribution package that brings a module to another Python."""
        every = (each for folder in python.sites for each in distributions(folder))
        return next((each.name for each in every if head in each.imports), head)

    def _python(self) -> str:
        return quoted(sys.executable)

    # --8<-- [start:install]
    def _install(self, name: str) -> str:
        """Give the command that installs into this Python, or into an environment of it."""
        python = self._python()
        if self.by_uv and not self.has_pip:
            return f"uv pip install --python {python} {name}"
        if self.this.environment and not self.has_pip:
            return f"{python} -m ensurepip && {python} -m pip install {name}"
        if self.managed or not self.has_pip:
            inside = os.path.join(".venv", BIN, "python")
            return f"{python} -m venv .venv && {inside} -m pip install {name}"
        return f"{python} -m pip install {name}"

    # --8<-- [end:install]

    def _hides_standard(self) -> Finding | None:
        if not self.hiding:
            return None
        path, module = self.hiding[0]
        return Finding(f"{path} hides the standard module {module}", rename(path))

    def _pip(self) -> Finding | None:
        target = read_interpreter(self.pip.python) if self.pip and self.pip.python else None
        foreign = target is not None and target.home != self.this.home
        if self.this.environment and not self.has_pip:
            wrong = f"{sys.prefix} has no pip" + (f", and pip installs for {target}" if foreign else "")
            return None if self.by_uv else Finding(wrong, f"{self._python()} -m ensurepip --default-pip")
        if not foreign or not self.has_pip:
            return None
        version = f"{self._python()} -m pip --version"
        if not os.path.exists(target.executable):
            return Finding(f"{self.pip.path} starts {target.executable}, which is not there", version)
        return Finding(f"pip installs for {target}; this is {self.this}", version)

    def report(self) -> Iterator[str]:
        """Describe the set-up, one fact a line."""
        kind = "not in a virtual environment"
        if self.this.environment:
            kind = f"virtual environment, made from {made_from(self.this.home)}"
        yield from row("python", f"{sys.executable}, {sys.version.split()[0]}", kind)
        yield from row("PATH", *(f"{name} is {self._first(name)}" for name in ("python", "python3")))
        yield from (line for python in self.others for line in row("also", str(python)))
        yield from row("pip", self._pip_on_path(), f"python -m pip: {'yes' if self.has_pip else 'no'}")
        user = site.getusersitepackages() if site.ENABLE_USER_SITE else "off"
        there = " (not there)" if site.ENABLE_USER_SITE and not os.path.isdir(user) else ""
        managed = "yes, pip leaves it to the system" if self.managed else "no"
        folders = [folder for folder in self.sites if folder != user] or ["none"]
        yield from row("packages", *folders, f"user site: {user}{there}", f"externally managed: {managed}")
        hiding = [f"{path} hides {module}" for path, module in self.hiding] or ["hides no standard module"]
        variables = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH")
        yield from row("folder", os.getcwd(), *hiding)
        yield from row("variables", *[f"{v}={os.environ[v]}" for v in variables if v in os.environ] or ["none"])
        if self.module:
            at = place(self.found) if self.found else "not found"
            yield from row("module", f"{self.module}: {at}", *(f"installed for {other}" for other in self.elsewhere))

    def _first(self, name: str) -> str:
        path = shutil.which(name)
        if not path:
            return "not found"
        root = pyenv_root(path)
        if root:
            return f"{path}, a shim of pyenv for {pyenv_target(root, name) or 'nothing installed'}"
        python = read_interpreter(path)
        return f"{path}, this one" if python.home == self.this.home else f"{python}, another"

    def _pip_on_path(self) -> str:
        if self.pip is None:
            return "no pip on PATH"
        if not self.pip.python:
            return f"{self.pip.path}, of a Python that its file does not name"
        target = read_interpreter(self.pip.python)
        return f"{self.pip.path}, of {'this Python' if target.home == self.this.home else target}"


def script_folder() -> list[str]:
    """Give the folder of this file when it was saved beside a script, not installed."""
    folder = os.path.dirname(os.path.abspath(__file__))
    return [] if folder.endswith("-packages") or os.environ.get("PYTHONSAFEPATH") else [folder]


def rename(path: str) -> str:
    """Give the command that takes a file's name away from a module."""
    folder, name = os.path.split(path)
    return quoted("move" if WINDOWS else "mv", path, os.path.join(folder, f"my_{name}"))


def row(label: str, *values: str) -> Iterator[str]:
    """Lay out one fact: the label once, its values under each other."""
    for number, value in enumerate(values):
        yield f"{'' if number else label:<10}{value}"


def main(arguments: list[str] | None = None) -> int:
    """Print the report and the diagnosis.

    Args:
        arguments: The command line without the program; `sys.argv` where it is None.

    Returns:
        The exit status: 0 nothing is wrong, 1 something is.
    """
    parser = argparse.ArgumentParser(
        prog="which_python", description="Say which Python and which pip you run, and why a module is not found."
    )
    parser.add_argument("module", nargs="?", default="", metavar="MODULE", help="the name in the import that fails")
    module = parser.parse_args(arguments).module
    if module and not all(re.fullmatch(r"[\w-]+", part) for part in module.split(".")):
        parser.error(f"{module!r} is not the name of a module: give what stands after import, such as yaml")
    try:
        os.getcwd()
    except FileNotFoundError:
        parser.error("the current folder is not there any more; go to one that is: cd ..")
    doctor = Doctor(module)
    print(*doctor.report(), sep="\n")
    finding = doctor.diagnose()
    if finding is None:
        healthy = f"{module} comes from {place(doctor.found)}" if doctor.found else "Python, pip and folder agree"
        print(f"\nNothing wrong: {healthy}")
        return 0
    print(f"\nWrong: {finding.wrong}\nDo:    {finding.do}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
