"""The page "What is not tested" lists every skip with its reason, and counts honestly."""

from pathlib import Path

import pytest
from guide import skips

RUN = "```console\n$ true\n```\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("docs/start", "docs/packages", "examples/sample"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/index.md").write_text("# Home\n\n" + RUN * 2)
    return tmp_path


def test_nothing_is_skipped(root: Path) -> None:
    assert skips.skips(root) == "Of the 2 code blocks of this guide and its examples, none is skipped.\n"


def test_every_skip_is_listed_with_its_reason(root: Path) -> None:
    (root / "docs/packages/publish.md").write_text(
        "# Publish\n\n<!-- skip: needs a key | a card -->\n```console\n$ twine upload dist/* | cat\n```\n"
    )
    (root / "docs/start/other.md").write_text("# Other\n\n<!-- skip: needs `sudo` -->\n```pycon\n>>> `a`\n```\n")
    (root / "examples/sample/README.md").write_text(
        "# A\n\n<!-- skip: needs a screen -->\n```console\n$ firefox\n```\n"
    )
    assert skips.skips(root) == (
        "Of the 5 code blocks of this guide and its examples, 3 (60.0 %) are shown and not run.\n"
        "\n"
        "| Page | Line | What is shown | Why it is not run |\n"
        "| --- | --- | --- | --- |\n"
        "| [packages/publish](../packages/publish.md) | 4 | `twine upload dist/* \\| cat` | needs a key \\| a card |\n"
        "| [start/other](other.md) | 4 | `` `a` `` | needs `sudo` |\n"
        "| `examples/sample/README.md` | 4 | `firefox` | needs a screen |\n"
    )


def test_one_skip_and_blocks_for_windows_are_counted_apart(root: Path) -> None:
    (root / "docs/packages/windows.md").write_text(
        "# W\n\n```powershell\nGet-Item .\n```\n\n```bat\ndir\n```\n\n<!-- skip: no mail here -->\n" + RUN
    )
    assert skips.skips(root).split("\n\n")[:2] == [
        "Of the 5 code blocks of this guide and its examples, 1 (20.0 %) is shown and not run.",
        "2 blocks show commands for Windows: those are counted apart, since only a run on Windows can type them.",
    ]
