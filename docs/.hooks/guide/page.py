"""Read a Markdown page as the program that it is: fences, the directives before them, and what it includes.

The rules are the table "A page is a program" of the guide's own page *How this guide is tested*.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from markdown import Markdown

from guide import ROOT

SNIPPET_FOLDERS = (".", "docs/.generated")
SNIPPET_SETTINGS = {"check_paths": True, "dedent_subsections": True}  # those of mkdocs.yml
SHELLS = ("bash", "fish", "zsh")
VOLATILE = ("seconds", "patch", "pid", "address", "importtime")
FENCE_OPTIONS = ("title", "hl_lines", "linenums")
ILLUSTRATION_LINES = 6

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
INFO = re.compile(r"""^\s*(?P<language>[\w+-]+)(?P<options>(\s+[\w-]+="[^"]*")*)\s*$""")
OPTION = re.compile(r'([\w-]+)="([^"]*)"')
DIRECTIVE = re.compile(r"^\s*<!--\s*(?P<name>[a-z]+):\s*(?P<value>.*?)\s*-->\s*$")
SNIPPET = re.compile(r"""^\s*-{1,}8<-{1,}\s+(?P<quote>["'])(?P<target>[^"']+)(?P=quote)\s*$""")


class PageError(Exception):
    """A page that cannot be run as it is written."""

    def __init__(self, page: Path, line: int, reason: str) -> None:
        """Name the page, the line (from 1) and the fault with its remedy."""
        super().__init__(f"{show(page)}:{line}: {reason}")


@dataclass(frozen=True)
class Options:
    """What a `<!-- run: … -->` directive asks for."""

    exit: int = 0
    volatile: tuple[str, ...] = ()
    python: str | None = None
    background: str | None = None
    shell: str = "bash"


@dataclass(frozen=True)
class Fence:
    """One fenced block: where it is, what it says, and how it is run."""

    page: Path
    line: int  # of its first fence line, from 1
    indent: int  # of the fence, in spaces
    language: str
    title: str | None
    source: tuple[str, ...]  # the lines between the fences, without the indent, as written
    text: tuple[str, ...]  # the same with snippets expanded
    options: Options
    skip: str | None  # the reason, if the fence is shown and not run

    @property
    def included(self) -> bool:
        """Whether the block holds nothing but snippets."""
        return bool(self.source) and all(SNIPPET.match(line) for line in self.source if line.strip())

    @property
    def kind(self) -> str:
        """Tell how it is run: skip, file, console, pycon, script, windows or shown."""
        if self.skip is not None:
            return "skip"
        if self.title is not None:
            return "file"
        if self.language in ("console", "pycon"):
            return self.language
        if self.language in ("powershell", "bat"):
            return "windows"
        return "script" if self.language == "python" and not self.included else "shown"


SERVER = "debian-server"  # what a page needs that has a whole machine to itself, where titles may be absolute


@dataclass
class Page:
    """A page, its fences in order, the examples it starts from, the programs it needs and the files it includes."""

    path: Path
    starts: tuple[str, ...] = ()  # examples: the page begins in the folder of the first, with the others beside it
    needs: tuple[str, ...] = ()
    fences: list[Fence] = field(default_factory=list)
    includes: set[Path] = field(default_factory=set)


def pages(root: Path = ROOT) -> list[Path]:
    """Every page that is a program: the Markdown files under docs/ and the README of every example."""
    docs = [p for p in sorted((root / "docs").rglob("*.md")) if not _hidden(p.relative_to(root))]
    return docs + sorted(root.glob("examples/*/README.md"))


def parse(path: Path, root: Path = ROOT) -> Page:
    """Read a page.

    Args:
        path: the Markdown file.
        root: the folder that snippets are relative to.

    Returns:
        The page, its fences in order.

    Raises:
        PageError: on an unclosed fence, an unknown directive or option, or a fence that nothing runs.
    """
    page = Page(path)
    lines = path.read_text("utf-8").splitlines()
    pending: list[tuple[int, str, str]] = []
    position = 0
    while position < len(lines):
        line, number = lines[position], position + 1
        position += 1
        if match := FENCE.match(line):
            end = _closing(lines, position, match["indent"] + match["fence"])
            if end is None:
                raise PageError(
                    path, number, f"this fence is never closed; end it with {match['fence']} alone on a line"
                )
            page.fences.append(_fence(page, number, match, lines[position:end], pending, root))
            pending = []
            position = end + 1
        elif match := DIRECTIVE.match(line):
            if match["name"] == "start":
                _start(page, number, match["value"], root)
            elif match["name"] == "needs":
                page.needs = tuple(match["value"].split())
            elif match["name"] in ("run", "skip"):
                pending.append((number, match["name"], match["value"]))
            else:
                known = "start, needs, run and skip"
                raise PageError(path, number, f"unknown directive {match['name']!r}; the directives are {known}")
        elif line.strip() and pending:
            raise PageError(path, pending[0][0], f"the {pending[0][1]} directive must stand directly before a fence")
    if pending:
        raise PageError(path, pending[0][0], f"the {pending[0][1]} directive must stand directly before a fence")
    page.includes = set(_includes(path, root))
    return page


def expand(path: Path, line: int, source: tuple[str, ...] | list[str], root: Path = ROOT) -> list[str]:
    """Replace snippet lines by the text they name, with the library that the site uses."""
    if not any(SNIPPET.match(text) for text in source):
        return list(source)
    config = {"base_path": [str(root / folder) for folder in SNIPPET_FOLDERS], **SNIPPET_SETTINGS}
    engine = Markdown(extensions=["pymdownx.snippets"], extension_configs={"pymdownx.snippets": config})
    try:
        return engine.preprocessors["snippet"].run(list(source))
    except Exception as error:  # the library has its own exception, and OSError for a folder
        raise PageError(path, line, f"a snippet cannot be included: {error}") from error


def show(path: Path) -> str:
    """Give a path as readers of a report want it: relative to the repository where it can be."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _closing(lines: list[str], position: int, fence: str) -> int | None:
    for index in range(position, len(lines)):
        if lines[index].rstrip() == fence:
            return index
    return None


def _fence(page: Page, number: int, match: re.Match[str], raw: list[str], pending: list, root: Path) -> Fence:
    path = page.path
    info = INFO.match(match["info"])
    if not info:
        raise PageError(path, number, f'a fence begins with a language and key="value" options, not {match["info"]!r}')
    given = dict(OPTION.findall(info["options"]))
    for option in given:
        if option not in FENCE_OPTIONS:
            raise PageError(path, number, f"unknown option {option!r}; the options are {', '.join(FENCE_OPTIONS)}")
    indent = len(match["indent"])
    for offset, text in enumerate(raw, number + 1):
        if text.strip() and text[:indent].strip():
            raise PageError(path, offset, "this line is indented less than the fence that it is in")
    source = tuple(text[indent:] for text in raw)
    options, skip = _directives(path, pending)
    title = given.get("title")
    if title is not None:
        _check_title(page, number, title)
    fence = Fence(
        page=path,
        line=number,
        indent=indent,
        language=info["language"],
        title=title,
        source=source,
        text=tuple(expand(path, number, source, root)),
        options=options,
        skip=skip,
    )
    _check(fence, pending[0][0] if pending else None)
    return fence


def _directives(path: Path, pending: list[tuple[int, str, str]]) -> tuple[Options, str | None]:
    options, skip = Options(), None
    for number, name, value in pending:
        if name == "skip":
            if not value:
                raise PageError(path, number, "a skip needs its reason: <!-- skip: needs an account -->")
            skip = value
        else:
            options = _options(path, number, value)
    return options, skip


def _options(path: Path, number: int, value: str) -> Options:
    found: dict[str, object] = {}
    for word in value.split():
        key, _, given = word.partition("=")
        if key == "exit" and given.isdecimal():
            found[key] = int(given)
        elif key == "volatile" and given and set(given.split(",")) <= set(VOLATILE):
            found[key] = tuple(given.split(","))
        elif key == "python" and re.fullmatch(r"3\.\d+", given):
            found[key] = given
        elif key == "background" and given.isidentifier():
            found[key] = given
        elif key == "shell" and given in SHELLS:
            found[key] = given
        else:
            hint = f"exit=N, volatile={'|'.join(VOLATILE)}, python=3.N, background=NAME and shell={'|'.join(SHELLS)}"
            raise PageError(path, number, f"unknown option {word!r}; the options are {hint}")
    if not found:
        raise PageError(path, number, "a run directive needs at least one option, such as exit=1")
    return Options(**found)


def _check_title(page: Page, number: int, title: str) -> None:
    target = PurePosixPath(title)
    elsewhere = ".." in target.parts or (target.is_absolute() and SERVER not in page.needs)
    if not title or elsewhere or title.startswith("~") or "\\" in title:
        raise PageError(
            page.path,
            number,
            f"the title {title!r} points outside the sandbox; give a path below it, like src/a.py",
        )


def _check(fence: Fence, directive: int | None) -> None:
    if fence.title is not None and fence.language in ("console", "pycon"):
        raise PageError(
            fence.page, fence.line, f"a {fence.language} fence is run, not written to a file: drop the title"
        )
    if directive and fence.kind in ("file", "windows", "shown"):
        raise PageError(fence.page, directive, "a run directive stands before a fence that is not run; remove it")
    plain = fence.kind == "shown" and not fence.included
    if plain and len(fence.source) > ILLUSTRATION_LINES:
        reason = (
            f"{len(fence.source)} lines that nothing runs; include a section of an example, give a title, or cut to"
        )
        raise PageError(fence.page, fence.line, f"{reason} {ILLUSTRATION_LINES}")


def _start(page: Page, number: int, value: str, root: Path) -> None:
    if page.starts or page.fences:
        raise PageError(page.path, number, "one start directive, before the first fence")
    for folder in value.split() or [value]:
        if not re.fullmatch(r"examples/[a-z0-9-]+", folder) or not (root / folder).is_dir():
            raise PageError(page.path, number, f"start names folders of examples/, and {folder!r} is none")
    page.starts = tuple(folder.removeprefix("examples/") for folder in value.split())


def _includes(path: Path, root: Path, seen: set[Path] | None = None) -> Iterator[Path]:
    seen = set() if seen is None else seen
    for line in path.read_text("utf-8").splitlines():
        if match := SNIPPET.match(line):
            name = re.sub(r"(:[\w-]*)+$", "", match["target"])
            for folder in SNIPPET_FOLDERS:
                target = (root / folder / name).resolve()
                if target.is_file() and target not in seen:
                    seen.add(target)
                    yield target
                    yield from _includes(target, root, seen)
