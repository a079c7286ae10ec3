"""What the guide shows and does not run: every skip, with its reason."""

import os
from pathlib import Path

from guide import ROOT
from guide.page import Fence, pages, parse

PAGE = "docs/start/what-is-not-tested.md"


def skips(root: Path = ROOT) -> str:
    """Write the counts and a table of every fence that is shown and not run, as Markdown for `PAGE`."""
    fences = [fence for path in pages(root) for fence in parse(path, root).fences]
    skipped = [fence for fence in fences if fence.skip is not None]
    windows = sum(fence.kind == "windows" for fence in fences)
    return "\n\n".join([_sentence(len(skipped), len(fences)), *_windows(windows), *_table(skipped, root)]) + "\n"


def _sentence(skipped: int, fences: int) -> str:
    if not skipped:
        return f"Of the {fences} code blocks of this guide and its examples, none is skipped."
    percent = f"{100 * skipped / fences:.1f} %"
    verb = "is" if skipped == 1 else "are"
    return (
        f"Of the {fences} code blocks of this guide and its examples, {skipped} ({percent}) {verb} shown and not run."
    )


def _windows(count: int) -> list[str]:
    if not count:
        return []
    subject = "1 block shows" if count == 1 else f"{count} blocks show"
    return [f"{subject} commands for Windows: those are counted apart, since only a run on Windows can type them."]


def _table(skipped: list[Fence], root: Path) -> list[str]:
    if not skipped:
        return []
    rows = [
        f"| {_link(fence.page, root)} | {fence.line} | {_code(_shown(fence))} | {_cell(fence.skip or '')} |"
        for fence in skipped
    ]
    return ["\n".join(["| Page | Line | What is shown | Why it is not run |", "| --- | --- | --- | --- |", *rows])]


def _link(page: Path, root: Path) -> str:
    path = page.relative_to(root)
    if path.parts[0] != "docs":
        return f"`{path.as_posix()}`"
    target = Path(os.path.relpath(page, (root / PAGE).parent)).as_posix()
    return f"[{path.relative_to('docs').with_suffix('').as_posix()}]({target})"


def _shown(fence: Fence) -> str:
    first = next((line for line in fence.text if line.strip()), "")
    return first.strip().removeprefix("$ ").removeprefix(">>> ")


def _code(text: str) -> str:
    return f"`` {_cell(text)} ``" if "`" in text else f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
