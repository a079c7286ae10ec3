"""The repository: nothing unowned, nothing shown twice, nothing that belongs to one machine or one service."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from guide import ROOT, archive
from guide.page import SNIPPET, SNIPPET_FOLDERS, SNIPPET_SETTINGS, Fence, Page, pages, parse
from mkdocs.utils.yaml import get_yaml_loader
from packaging.licenses import canonicalize_license_expression

TOP = {
    ".ci",
    ".github",
    ".gitattributes",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "docs",
    "examples",
    "mkdocs.yml",
    "pyproject.toml",
    "requirements.txt",
    "tests",
}

# Files of examples that no page includes, and why; a reason for a file that is shown or gone is a fault. A README
# is a page itself, and a module of nothing but a docstring shows itself.
NOT_SHOWN = {
    "*/pyproject.toml": "the page about the first package explains its parts once",
    "*/tests/*": "proves what the page says of the example; a reader meets it in the download",
    "data-files/src/data_files/__init__.py": "re-exports what the page shows",
    "dependency-confusion/src/dependency_confusion/__main__.py": "the page shows what the command prints",
    "dependency-confusion/src/dependency_confusion/indexes.py": "the page lists what it writes",
    "dependency-confusion/src/dependency_confusion/wheels.py": "the page installs what it writes",
    "deploy-gunicorn-nginx/env": "two settings that the page about settings explains",
    "deploy-systemd/env": "two settings that the page about settings explains",
    "deploy-systemd/flask-site-backup.*": "the page runs it, and says when it runs by itself",
    "deploy-systemd/nginx.conf": "the page about nginx shows such lines",
    "deploy-systemd/raw-wsgi.service": "the page shows the other unit, and says how this one differs",
    "deploy-waitress/raw-wsgi.service": "the page shows the other unit, and says which signal this one needs",
    "deploy-*/requirements.txt": "the README installs what it names",
    "deploy-containers/nginx.conf": "the page about nginx shows such a file, with its reasons",
    "deploy-kubernetes/ingress.yaml": "the page lists what it describes",
    "deploy-kubernetes/migrate.yaml": "a container as in deployment.yaml, which the page shows",
    "deploy-kubernetes/networkpolicy.yaml": "the page lists what it describes",
    "deploy-kubernetes/service.yaml": "the page lists what it describes",
    "django-hello/src/django_hello/templates/*": "HTML of a few lines, which is not what the page is about",
    "fastapi-hello/src/fastapi_hello/__init__.py": "re-exports what the page shows",
    "fastapi-hello/src/fastapi_hello/head.py": "the answer to HEAD is not what the page is about",
    "flask-hello/src/flask_hello/__init__.py": "re-exports what the page shows",
    "flask-site/.gitignore": "keeps what tools leave behind out of version control",
    "flask-site/src/*": "a whole project to copy; pages include the parts that they are about",
    "greeting-library/.gitignore": "keeps what tools leave behind out of version control",
    "greeting-library/CHANGELOG.md": "a reader writes their own",
    "greeting-library/LICENSE": "the MIT licence, word by word",
    "greeting-library/docs/*": "the documentation of the library itself; its tests run every example in it",
    "greeting-library/src/*": "a whole library to copy; pages include the parts that they are about",
    "legacy-setup-py/*": "its page shows setup.py and migrates the rest; what the program does is nothing to that",
    "locked-app/src/*": "what the application does is nothing to its locks",
    "migrated-setup-py/*": "the same files as in legacy-setup-py, but for pyproject.toml, which the page shows",
    "module-search-path/src/module_search_path/__init__.py": "re-exports what the page shows",
    "module-search-path/src/module_search_path/__main__.py": "the page shows what the command prints",
    "namespace-packages/*/__init__.py": "the page asks where the two lie; what they compute does not matter to it",
    "native-extension/src/native_extension/__init__.py": "re-exports what the page shows",
    "native-extension/src/native_extension/py.typed": "empty: it says that the package has types",
    "private-index/src/private_index/__init__.py": "re-exports what the page shows",
    "private-index/src/private_index/__main__.py": "the page shows what the command prints",
    "private-index/src/private_index/accounts.py": "the page shows the file that it writes",
    "six-backends/project/*": "the page lists it, and shows what becomes of it",
    "six-backends/src/six_backends/__init__.py": "re-exports what the README names",
    "six-backends/src/six_backends/__main__.py": "the page shows what the command prints",
    "six-backends/src/six_backends/built.py": "the page shows what it reads from the files",
    "six-backends/src/six_backends/copies.py": "the page says what it changes in a copy",
    "raw-wsgi/src/raw_wsgi/__init__.py": "re-exports what the page shows",
    "raw-wsgi/src/raw_wsgi/__main__.py": "the page shows what the command prints",
    "settings-app/src/settings_app/__init__.py": "re-exports what the page shows",
    "settings-pydantic/src/settings_pydantic/__init__.py": "re-exports what the page shows",
    "settings-pydantic/src/settings_pydantic/__main__.py": "the page shows what the command prints",
    "secret-rotation/src/secret_rotation/__init__.py": "re-exports what the page shows",
    "secret-rotation/src/secret_rotation/app.py": "the page asks it, and shows what it answers and logs",
    "server-lab/src/*": "a whole program to run; pages include the parts that they are about",
    "static-index/src/static_index/__init__.py": "re-exports what the page shows",
    "static-index/src/static_index/__main__.py": "the page shows what the command prints",
    "static-index/src/static_index/pages.py": "the page shows what it writes, in both forms",
    "static-index/src/static_index/read.py": "the page shows what it reads from a wheel and what it refuses",
    "static-index/src/static_index/releases.py": "the page shows the file that it reads",
    "static-index/src/static_index/server.py": "the page shows nginx doing the same",
}

HATCHLING = {"requires": ["hatchling"], "build-backend": "hatchling.build"}
# Where another build backend is the point of the example.
OTHER_BACKENDS: dict[str, dict] = {
    "migrated-setup-py": {"requires": ["setuptools>=77"], "build-backend": "setuptools.build_meta"},
    "native-extension": {"requires": ["scikit-build-core"], "build-backend": "scikit_build_core.build"},
}

# What a project was before there was a pyproject.toml is the point of the example.
BEFORE_PYPROJECT = {"legacy-setup-py"}
# Configuration that runs other examples from their wheels.
DEPLOYMENTS = {name for name in archive.names() if name.startswith("deploy-")}
# A project keeps its name when it is migrated, so this is not the name of its folder.
OTHER_NAMES = {"migrated-setup-py": "folder-report"}

LONG = 6  # lines: a shorter block may occur twice by chance
WORDS = re.compile(r"[a-z]+(?:-[a-z]+)*")


@cache
def tracked() -> list[str]:
    """The files that git tracks, or would track after `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return sorted(file for file in run.stdout.split("\0") if (ROOT / file).is_file())


@cache
def parsed() -> list[Page]:
    return [parse(path) for path in pages()]


def texts() -> Iterator[tuple[str, str]]:
    for file in tracked():
        try:
            yield file, (ROOT / file).read_text("utf-8")
        except UnicodeDecodeError:
            continue


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# The tree


def test_the_top_of_the_tree_is_as_the_readme_maps_it() -> None:
    assert {file.split("/")[0] for file in tracked()} == TOP


def test_names_are_words() -> None:
    folders = [ROOT / "examples" / example for example in archive.names()]
    named = [*(path for path in pages() if path.name != "README.md"), *folders]
    assert [name(path) for path in named if not WORDS.fullmatch(path.stem)] == []


def test_every_page_is_in_the_navigation_once() -> None:
    entries = list(_leaves(yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), get_yaml_loader())["nav"]))
    docs = [path.relative_to(ROOT / "docs").as_posix() for path in pages() if path.is_relative_to(ROOT / "docs")]
    assert sorted(entries) == sorted(docs)


def test_the_runner_expands_snippets_as_the_site_does() -> None:
    extensions = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), get_yaml_loader())["markdown_extensions"]
    (settings,) = [entry["pymdownx.snippets"] for entry in extensions if "pymdownx.snippets" in entry]
    assert settings.pop("auto_append") == ["links.md"]  # which no fence can hold
    assert settings.pop("base_path") == list(SNIPPET_FOLDERS)
    assert settings == SNIPPET_SETTINGS


def test_every_asset_is_used() -> None:
    generated = ("docs/downloads/", "docs/.generated/")
    assets = [
        file
        for file in tracked()
        if file.startswith("docs/") and not file.endswith((".md", ".py")) and not file.startswith(generated)
    ]
    loaded_by_the_theme = ("docs/.overrides/404.html", "docs/.overrides/main.html", "docs/.overrides/partials/")
    sources = "".join(text for file, text in texts() if file == "mkdocs.yml" or file.startswith("docs/"))
    unused = [file for file in assets if file.split("/")[-1] not in sources]
    assert [file for file in unused if not file.startswith(loaded_by_the_theme)] == []


# Examples


def test_every_file_of_an_example_is_shown_or_has_a_reason() -> None:
    shown = {file for page in parsed() for file in page.includes if page.path.name != "README.md"}
    files = {
        f"{example}/{path.as_posix()}"
        for example in archive.names()
        for path in archive.files(example)
        if path.name != "README.md" and not _only_docstring(ROOT / "examples" / example / path)
    }
    included = {file for file in files if ROOT / "examples" / file in shown}
    hidden = sorted(files - included)
    unexplained = [file for file in hidden if not any(fnmatch(file, pattern) for pattern in NOT_SHOWN)]
    assert unexplained == [], "no page includes these: show them, or give the reason in NOT_SHOWN"
    unused = [pattern for pattern in NOT_SHOWN if not any(fnmatch(file, pattern) for file in hidden)]
    assert unused == [], "these reasons are for files that are shown or gone"


def test_a_page_that_uses_an_example_offers_it() -> None:
    faults = []
    for page in parsed():
        if page.path.name == "README.md":
            continue
        targets = _targets(page.path)
        used = {target.split("/")[1] for target in targets if target.startswith("examples/")}
        used |= set(page.starts)
        offered = {Path(target).stem for target in targets if target.startswith("get/")}
        faults += [f'{name(page.path)}: add --8<-- "get/{example}.md"' for example in sorted(used - offered)]
    assert faults == []


def test_the_readme_of_an_example_stands_alone() -> None:
    including = [name(page.path) for page in parsed() if page.path.name == "README.md" and _targets(page.path)]
    assert including == []


@pytest.mark.parametrize("example", sorted(set(archive.names()) - BEFORE_PYPROJECT - DEPLOYMENTS))
def test_an_example_is_a_project(example: str) -> None:
    folder = ROOT / "examples" / example
    files = {path.as_posix() for path in archive.files(example)}
    assert {"README.md", "pyproject.toml"} <= files
    assert any(fnmatch(file, "tests/test_*.py") for file in files), "no tests"
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    assert project["description"]
    assert {key: project.get(key) for key in ("name", "readme", "requires-python", "license")} == {
        "name": OTHER_NAMES.get(example, example),
        "readme": "README.md",
        "requires-python": ">=3.11",
        "license": "MIT",
    }
    assert canonicalize_license_expression(project["license"]) == project["license"]
    assert project.keys() & {"authors", "maintainers"} == set()
    assert settings["build-system"] == OTHER_BACKENDS.get(example, HATCHLING)
    assert "pytest" in settings["dependency-groups"]["test"]
    pytest_settings = settings["tool"]["pytest"]["ini_options"]
    assert pytest_settings["filterwarnings"] == ["error"]
    assert pytest_settings["testpaths"] == ["tests"]


@pytest.mark.parametrize("example", sorted(BEFORE_PYPROJECT))
def test_an_example_of_before_pyproject_is_a_project_of_then(example: str) -> None:
    files = {path.as_posix() for path in archive.files(example)}
    assert {"README.md", "requirements-dev.txt", "setup.py"} <= files
    assert "pyproject.toml" not in files
    assert any(fnmatch(file, "tests/test_*.py") for file in files), "no tests"


@pytest.mark.parametrize("example", sorted(DEPLOYMENTS))
def test_a_deployment_is_configuration_that_a_test_starts(example: str) -> None:
    files = {path.as_posix() for path in archive.files(example)}
    assert "README.md" in files
    assert "pyproject.toml" not in files
    if example != "deploy-kubernetes":  # which runs an image
        assert archive.carries(example), "requirements.txt installs no wheel of an example from ./wheels/"
    assert (ROOT / "tests" / f"test_{example.replace('-', '_')}.py").is_file()


def test_import_packages_have_names_of_their_own() -> None:
    owners = defaultdict(set)
    for example in archive.names():
        for path in archive.files(example):
            if "src" in path.parts[:-1] and path.suffix == ".py":
                owners[Path(path.parts[path.parts.index("src") + 1]).stem].add(example)
    assert {package: examples for package, examples in owners.items() if len(examples) > 1} == {}
    assert set(owners) & set(sys.stdlib_module_names) == set()
    assert {package for package in owners if not package.isidentifier() or package != package.lower()} == set()


def test_every_example_imports_only_its_own() -> None:
    roots = {path.parts[1]: example for example in archive.names() for path in _sources(example)}
    imports = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
    foreign = [
        f"examples/{example}/{path}: {module}"
        for example in archive.names()
        for path in archive.files(example)
        if path.suffix == ".py"
        for module in imports.findall((ROOT / "examples" / example / path).read_text("utf-8"))
        if roots.get(module, example) not in [example, *archive.carries(example)] or module in ("guide", "support")
    ]
    assert foreign == []


# Nothing twice


def test_no_page_retypes_what_an_example_has() -> None:
    files = {
        f"examples/{example}/{path}": _code((ROOT / "examples" / example / path).read_text("utf-8").splitlines())
        for example in archive.names()
        for path in archive.files(example)
        if path.suffix != ".md"
    }
    retyped = [
        f"{name(fence.page)}:{fence.line} retypes {file}: include a section of it"
        for fence in _typed()
        for file, lines in files.items()
        if _retypes(_code(fence.source), lines)
    ]
    assert retyped == []


def test_no_two_pages_type_the_same_file() -> None:
    typed = defaultdict(list)
    for fence in _typed():
        if fence.title and len(_code(fence.source)) >= LONG:
            typed[(fence.title, tuple(_code(fence.source)))].append(f"{name(fence.page)}:{fence.line}")
    twice = [places for places in typed.values() if len({place.split(":")[0] for place in places}) > 1]
    assert twice == [], "make it a file of an example, and include it"


@pytest.mark.parametrize(
    ("typed", "retypes"),
    [
        (["a = 1", "b = 2", "c = 3"], True),
        (["a = 1", "b = 2"], False),
        ([f"line = {n}" for n in range(6)], True),
        ([f"line = {n}" for n in range(5)], False),
        (["other = 0", *(f"line = {n}" for n in range(6))], True),
        ([f"line = {n}" for n in range(0, 12, 2)], False),
    ],
)
def test_what_counts_as_retyped(typed: list[str], retypes: bool) -> None:
    short = ["a = 1", "b = 2", "c = 3"]
    long = [f"line = {n}" for n in range(12)]
    assert (_retypes(typed, short) or _retypes(typed, long)) is retypes


# Nobody's machine, nobody's service


def test_no_file_names_the_host_of_a_registry() -> None:
    assert _found("|".join(map(re.escape, _hosts())) + r"|\bnpmjs\.\w+|\w\.debian\.\w+/") == []


def test_no_file_holds_the_address_of_an_index() -> None:
    option = r"(?:index[-_]url|find[-_]links|INDEX_URL|FIND_LINKS)[\"']?[ =:]+[\"']?\w+://"
    assert _found(option + r"(?!127\.0\.0\.1|localhost|\[::1\])") == []


def test_no_file_holds_a_path_of_one_machine() -> None:
    # What pages show lies below /home/reader. Tests may name the folder that every Unix has for temporary files.
    assert _found(r"(?<![\w.$}-])/(?:root|work|workspace|opt/\w+|Users/\w+|home/(?!reader)\w+)/") == []
    assert _found(r"(?<![\w.$}-])/(?:tmp)/\w", lambda file: not file.startswith("tests/")) == []


def _hosts() -> set[str]:
    from pip._internal.models.index import PyPI, TestPyPI
    from twine import utils

    addresses = [PyPI.url, TestPyPI.url, utils.DEFAULT_REPOSITORY, utils.TEST_REPOSITORY]
    return {urlsplit(address).netloc for address in addresses} | {PyPI.file_storage_domain}


def _found(pattern: str, searched=lambda file: True) -> list[str]:
    expression = re.compile(pattern)
    return [
        f"{file}:{number}: {line.strip()}"
        for file, text in texts()
        if searched(file)
        for number, line in enumerate(text.splitlines(), 1)
        if expression.search(line)
    ]


def _leaves(node: object) -> Iterator[str]:
    for entry in node if isinstance(node, list) else [node]:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from _leaves(below)


def _targets(page: Path) -> list[str]:
    """The snippets that a page itself includes."""
    return [match["target"] for line in page.read_text("utf-8").splitlines() if (match := SNIPPET.match(line))]


def _only_docstring(file: Path) -> bool:
    if file.suffix != ".py":
        return False
    body = ast.parse(file.read_text("utf-8")).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def _sources(example: str) -> list[Path]:
    return [path for path in archive.files(example) if path.parts[0] == "src"]


def _typed() -> list[Fence]:
    """The blocks whose text stands in a page, and is no transcript: a transcript is checked against the run."""
    transcripts = ("console", "pycon")
    return [f for page in parsed() for f in page.fences if not f.included and f.language not in transcripts]


def _code(lines: list[str] | tuple[str, ...]) -> list[str]:
    """Lines as they are compared: without indent, without empty ones and section markers."""
    return [line.strip() for line in lines if line.strip() and not archive.SECTION.search(line)]


def _retypes(typed: list[str], lines: list[str]) -> bool:
    """Tell whether a block is a whole file of three lines or more, or holds LONG lines of it that follow each other."""
    if len(typed) >= 3 and typed == lines:
        return True
    runs = {tuple(lines[start : start + LONG]) for start in range(len(lines) - LONG + 1)}
    return any(tuple(typed[start : start + LONG]) in runs for start in range(len(typed) - LONG + 1))
