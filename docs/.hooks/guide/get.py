"""The block "Get this project": one template for every page that uses an example."""

import re
from pathlib import Path, PurePosixPath

from guide import ROOT
from guide.archive import ExampleError, describe, files

# Every page that uses an example lies one folder below docs/, so one relative link serves all of them.
# The site's builders check it on each page.
TEMPLATE = """\
<div class="get-project" markdown="1">

**Get this project**: [{name}.zip](../downloads/{name}.zip) ({count}, {size})

{description}

??? note "What is in it"

    ```text
{tree}
    ```

Unpack it, open a terminal in its folder and type:

--8<-- "examples/{name}/README.md:try"
{windows}
</div>
"""
# What a README says of Windows, below the commands; one of a Debian server says nothing.
WINDOWS = re.compile(r"^<!-- --8<-- \[end:try\] -->\n\n(On Windows\b.*(?:\n.+)*)", re.MULTILINE)


def block(name: str, size: int, root: Path = ROOT) -> str:
    """Write the block of one example, as Markdown.

    Args:
        name: the example's folder below examples/.
        size: of its zip, in bytes.
        root: the repository.

    Returns:
        The Markdown that a page includes.

    Raises:
        ExampleError: where the example's README or pyproject.toml lacks what the block shows.
    """
    windows = WINDOWS.search(_readme(name, root))
    members = files(name, root)
    return TEMPLATE.format(
        name=name,
        count="1 file" if len(members) == 1 else f"{len(members)} files",
        size=f"{size / 1000:.1f} kB",
        description=describe(name, root),
        tree="\n".join(f"    {line}" for line in tree(name, members)),
        windows=f"\n{windows[1]}\n" if windows else "",
    )


def tree(name: str, members: list[Path]) -> list[str]:
    """Draw the files of an example as the command `tree` does, folders after their files' order."""
    branches: dict = {}
    for path in members:
        node = branches
        for part in path.parts:
            node = node.setdefault(part, {})
    return [f"{PurePosixPath(name)}/", *_branches(branches, "")]


def _branches(node: dict, indent: str) -> list[str]:
    lines = []
    for position, (part, below) in enumerate(node.items(), 1):
        last = position == len(node)
        lines.append(f"{indent}{'└── ' if last else '├── '}{part}{'/' if below else ''}")
        lines += _branches(below, indent + ("    " if last else "│   "))
    return lines


def _readme(name: str, root: Path) -> str:
    """Read the README, which has the commands of the block."""
    shown = f"examples/{name}/README.md"
    remedy = "put the commands that start it between <!-- --8<-- [start:try] --> and <!-- --8<-- [end:try] -->"
    try:
        text = (root / shown).read_text("utf-8")
    except FileNotFoundError:
        raise ExampleError(f"{shown} is missing; write one, and {remedy}") from None
    if not {f"<!-- --8<-- [{end}:try] -->" for end in ("start", "end")} <= set(text.splitlines()):
        raise ExampleError(f"{shown} has no section 'try'; {remedy}")
    return text
