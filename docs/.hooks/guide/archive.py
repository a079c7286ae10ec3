"""The download of an example: a zip that is the same bytes wherever and whenever it is built."""

import contextlib
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from guide import ROOT
from guide.page import DIRECTIVE

# What git ignores, too: tests/test_downloads.py compares the two.
LEFT_OUT = {"__pycache__", ".coverage", ".git", ".hypothesis", ".pytest_cache", ".ruff_cache", ".venv", "build", "dist"}
LEFT_OUT_SUFFIX = ".egg-info"

# The oldest time that a zip can hold.
TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3

# A line of requirements.txt such as `./wheels/flask_site-1.0-py3-none-any.whl[postgresql]`.
CARRIED = re.compile(r"^\./wheels/(\w+)-[^/\s]+\.whl", re.MULTILINE)
EPOCH = 315532800  # the same time in seconds, for the wheels

SECTION = re.compile(r"-+8<-+[ \t]+\[[ \t]*(?:start|end)[ \t]*:[ \t]*[\w-]+[ \t]*\]", re.IGNORECASE)
SECTION_LINE = re.compile(rf"\W*?{SECTION.pattern}\W*", re.IGNORECASE)


class ExampleError(Exception):
    """An example that cannot be handed out as it is."""


def names(root: Path = ROOT) -> list[str]:
    """Every example, by the name of its folder."""
    return sorted(folder.name for folder in root.glob("examples/*/") if files(folder.name, root))


def files(name: str, root: Path = ROOT) -> list[Path]:
    """The files of an example that belong to it: no caches, no environments, nothing that was built.

    Args:
        name: the example's folder below examples/.
        root: the repository.

    Returns:
        Paths relative to the example, sorted.
    """
    folder = root / "examples" / name
    found = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    return sorted((path for path in found if _belongs(path)), key=Path.as_posix)


def describe(name: str, root: Path = ROOT) -> str:
    """Say in a sentence what an example is: its `description` in `[project]`.

    A project of before pyproject.toml is described by the first paragraph of its README, since only running its
    setup.py tells what that says; so is a deployment, which has configuration and no package.

    Raises:
        ExampleError: where it does not say so.
    """
    folder = root / "examples" / name
    shown = f"examples/{name}/pyproject.toml"
    of_another_kind = (folder / "setup.py").is_file() or name.startswith("deploy-")
    if of_another_kind and not (root / shown).is_file():
        return _first_paragraph(folder / "README.md")
    try:
        description = tomllib.loads((root / shown).read_text("utf-8"))["project"].get("description")
    except FileNotFoundError:
        raise ExampleError(f"{shown} is missing; every example is a project, so write one") from None
    except KeyError:
        raise ExampleError(f"{shown} has no [project] table; add one") from None
    except tomllib.TOMLDecodeError as error:
        raise ExampleError(f"{shown} is no TOML: {error}; mend it") from error
    if not description:
        raise ExampleError(f"{shown} has no description; the block shows it, so add one")
    return description


def pack(name: str, root: Path = ROOT) -> bytes:
    """Build the zip of an example, everything below one folder of the example's name.

    Order, times and modes are fixed, and nothing is compressed: compressors differ from machine to machine.

    Args:
        name: the example's folder below examples/.
        root: the repository.

    Returns:
        The bytes of the zip.

    Raises:
        ExampleError: where the example has no files, a link, or a marker that is not alone on its line.
    """
    folder = root / "examples" / name
    members = files(name, root)
    wheels = [wheel(carried, root) for carried in carries(name, root)]
    if not members:
        raise ExampleError(f"examples/{name} has no files; the examples are {', '.join(names(root))}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in members:
            if (folder / path).is_symlink():
                raise ExampleError(f"examples/{name}/{path} is a link; put a file in its place")
            content = _content(folder / path, path, f"examples/{name}/{path}")
            archive.writestr(_entry(f"{name}/{path.as_posix()}", _mode(folder / path)), content)
        for built in wheels:
            archive.writestr(_entry(f"{name}/wheels/{built.name}", 0o644), built.read_bytes())
    return buffer.getvalue()


def carries(name: str, root: Path = ROOT) -> list[str]:
    """The examples whose wheels a download carries: those that its requirements.txt installs from `./wheels/`."""
    requirements = root / "examples" / name / "requirements.txt"
    found = CARRIED.findall(requirements.read_text("utf-8")) if requirements.is_file() else []
    return sorted(project.replace("_", "-") for project in found)


def wheel(name: str, root: Path = ROOT) -> Path:
    """Build the wheel of an example, the same bytes wherever it is built, once for each state of its files.

    Args:
        name: the example's folder below examples/.
        root: the repository.

    Returns:
        The wheel, in the cache.

    Raises:
        ExampleError: where it cannot be built.
    """
    packed = pack(name, root)
    place = root / ".cache/wheels" / f"{name}-{hashlib.sha256(packed).hexdigest()[:16]}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(folder)
            command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", f"{folder}/dist"]
            environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
            built = subprocess.run(
                command, cwd=f"{folder}/{name}", env=environment, capture_output=True, text=True, check=False
            )
            if built.returncode:
                raise ExampleError(f"examples/{name} does not build: {built.stderr.strip()}")
            with contextlib.suppress(OSError):  # another process was faster
                os.rename(f"{folder}/dist", place)
    return next(place.glob("*.whl"))


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIME)
    entry.create_system = UNIX
    entry.external_attr = (0o100000 | mode) << 16
    return entry


def unpack(name: str, into: Path, root: Path = ROOT) -> Path:
    """Unpack the zip of an example, with its modes.

    Args:
        name: the example's folder below examples/.
        into: an existing folder.
        root: the repository.

    Returns:
        The folder that now holds the example: into / name.
    """
    with zipfile.ZipFile(io.BytesIO(pack(name, root))) as archive:
        for entry in archive.infolist():
            Path(archive.extract(entry, into)).chmod(entry.external_attr >> 16 & 0o777)
    return into / name


def _first_paragraph(readme: Path) -> str:
    paragraphs = [part.strip() for part in readme.read_text("utf-8").split("\n\n")]
    plain = [part for part in paragraphs if part and not part.startswith(("#", "<!--"))]
    if not plain:
        raise ExampleError(
            f"examples/{readme.parent.name}/README.md says nothing of the project; begin with what it is"
        )
    return plain[0]


def _belongs(path: Path) -> bool:
    return not any(part in LEFT_OUT or Path(part).suffix == LEFT_OUT_SUFFIX for part in path.parts)


def _mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & 0o100 else 0o644


def _content(file: Path, path: Path, shown: str) -> bytes:
    """Read a file without the lines that only this site reads: section markers, and directives in the README."""
    data = file.read_bytes()
    readme = path.name == "README.md"
    if not readme and b"8<-" not in data:
        return data
    kept: list[str] = []
    dropped = False
    for number, line in enumerate(data.decode("utf-8").splitlines(keepends=True), 1):
        bare = line.strip()
        if SECTION_LINE.fullmatch(bare) or (readme and DIRECTIVE.match(bare)):
            dropped = True
            continue
        if SECTION.search(bare):
            raise ExampleError(f"{shown}:{number}: a section marker stands alone on its line; move the rest away")
        # A marker between two blank lines, or at the top, leaves one blank line too many.
        if not (dropped and not bare and (not kept or not kept[-1].strip())):
            kept.append(line)
        dropped = dropped and not bare
    while dropped and kept and not kept[-1].strip():
        kept.pop()
    return "".join(kept).encode("utf-8")
