"""A stamp speaks of a page as it is: it vanishes with the first character that changes after the run."""

import dataclasses
import json
from pathlib import Path, PurePosixPath

import prebuild
import pytest
from guide import record, stamp
from guide.page import pages, parse
from support import site as builders

SHOWS = """\
# A page that shows a part of an example

--8<-- "examples/sample/src/sample/a.py:greet"

--8<-- "get/sample.md"

```console
$ true
```
"""
STARTS = """\
# A page that starts from an example

<!-- start: examples/sample -->

```console
$ true
```
"""
README = "# Sample\n\n<!-- --8<-- [start:try] -->\n```console\n$ true\n```\n<!-- --8<-- [end:try] -->\n\nThe end\n"
FILES = {
    "docs/topic/shows.md": SHOWS,
    "docs/topic/starts.md": STARTS,
    "docs/topic/other.md": "# Other\n\n```console\n$ true\n```\n",
    "examples/sample/README.md": README,
    "examples/sample/pyproject.toml": '[project]\nname = "sample"\ndescription = "A sample."\n',
    "examples/sample/src/sample/a.py": "# --8<-- [start:greet]\ndef greet(): ...\n# --8<-- [end:greet]\n",
    "examples/sample/tests/test_a.py": "def test_a(): ...\n",
    "requirements.txt": "tool==1.0\n",
    "tests/python-version.txt": "3.13.0\n",
    "tests/wheelhouse/default.txt": "package==1.0\n",
}
ALL = ["topic/other", "topic/shows", "topic/starts"]
RECORD = record.Record("docs/topic/shows.md", "", 12, "2026-11-20", "3.13.0", "26.3", ["3.15.2"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small guide whose pages have run, and carry their stamps."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    prebuild.generate(tmp_path)
    for page in ("docs/topic/other.md", "docs/topic/shows.md", "docs/topic/starts.md"):
        _save(tmp_path, dataclasses.replace(RECORD, page=page))
    prebuild.generate(tmp_path)
    assert _stamped(tmp_path) == ALL
    return tmp_path


def test_nothing_changed_and_the_stamp_stays(root: Path) -> None:
    for file in root.rglob("*"):
        file.touch()
    prebuild.generate(root)
    assert _stamped(root) == ALL


@pytest.mark.parametrize(
    ("file", "stay"),
    [
        ("docs/topic/other.md", ["topic/shows", "topic/starts"]),
        ("docs/topic/shows.md", ["topic/other", "topic/starts"]),
        ("docs/topic/starts.md", ["topic/other", "topic/shows"]),
        ("examples/sample/src/sample/a.py", ["topic/other"]),
        ("examples/sample/README.md", ["topic/other"]),  # shown through the block "Get this project"
        ("examples/sample/pyproject.toml", ["topic/other", "topic/shows"]),
        ("examples/sample/tests/test_a.py", ["topic/other", "topic/shows"]),
    ],
)
def test_one_character_takes_the_stamps_of_the_pages_that_use_it(root: Path, file: str, stay: list[str]) -> None:
    _change(root / file)
    prebuild.generate(root)
    assert _stamped(root) == stay


@pytest.mark.parametrize("file", ["requirements.txt", "tests/python-version.txt", "tests/wheelhouse/default.txt"])
def test_another_lock_takes_every_stamp(root: Path, file: str) -> None:
    _change(root / file)
    prebuild.generate(root)
    assert _stamped(root) == []


def test_a_new_file_in_the_example_takes_the_stamp(root: Path) -> None:
    (root / "examples/sample/src/sample/b.py").write_text("")
    prebuild.generate(root)
    assert _stamped(root) == ["topic/other", "topic/shows"]


@pytest.mark.parametrize(
    ("key", "value"), [("python", "3.13.1"), ("fingerprint", "0" * 64), ("page", "docs/topic/other.md")]
)
def test_a_record_of_another_run_is_no_stamp(root: Path, key: str, value: str) -> None:
    file = root / ".cache/records/docs/topic/shows.md.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    prebuild.generate(root)
    assert _stamped(root) == ["topic/other", "topic/starts"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"page": "docs/topic/shows.md"}'])
def test_a_record_that_cannot_be_read_is_no_stamp(root: Path, content: str) -> None:
    (root / ".cache/records/docs/topic/shows.md.json").write_text(content)
    prebuild.generate(root)
    assert _stamped(root) == ["topic/other", "topic/starts"]


def test_a_page_that_ran_nothing_has_no_stamp(root: Path) -> None:
    _save(root, dataclasses.replace(RECORD, commands=0))
    prebuild.generate(root)
    assert _stamped(root) == ["topic/other", "topic/starts"]


def test_the_stamp_comes_back_with_the_next_run(root: Path) -> None:
    _change(root / "docs/topic/shows.md")
    prebuild.generate(root)
    assert _stamped(root) == ["topic/other", "topic/starts"]
    _save(root, RECORD)
    prebuild.generate(root)
    assert _stamped(root) == ALL


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"others": []},
            '12 commands ran on <time datetime="2026-11-20">2026-11-20</time> with Python 3.13.0, pip 26.3.',
        ),
        (
            {"commands": 1, "pip": None},
            '1 command ran on <time datetime="2026-11-20">2026-11-20</time> with Python 3.13.0 and 3.15.2.',
        ),
        (
            {"others": [], "pip": "<b>"},
            '12 commands ran on <time datetime="2026-11-20">2026-11-20</time> with Python 3.13.0, pip &lt;b&gt;.',
        ),
    ],
)
def test_the_stamp_says_what_the_record_says(changes: dict, text: str) -> None:
    assert stamp.sentence(dataclasses.replace(RECORD, **changes)) == text


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("index.md", "stamp.html"),
        ("packages/index.md", "packages/stamp.html"),
        ("packages/layout.md", "packages/layout/stamp.html"),
    ],
)
def test_the_stamp_lies_where_the_theme_looks(page: str, place: str) -> None:
    assert stamp.place(PurePosixPath(page)) == PurePosixPath(place)


def test_a_change_to_an_example_takes_the_stamps_of_the_real_pages_that_show_it(tmp_path: Path) -> None:
    tree = builders.copy(tmp_path / "tree")
    prebuild.generate(tree)
    before = _stamped(tree)
    docs = [page for page in pages(tree) if page.is_relative_to(tree / "docs")]
    shown = {page: {file for file in parse(page, tree).includes if "src" in file.parts} for page in docs}
    file = min(file for files in shown.values() for file in files)
    example = file.relative_to(tree).parts[1]
    using = {_place(page, tree) for page in docs if file in shown[page] or example in parse(page, tree).starts}
    _change(file)
    prebuild.generate(tree)
    assert set(before) - set(_stamped(tree)) == using & set(before) != set()


def _stamped(root: Path) -> list[str]:
    """The pages that carry a stamp, as the theme finds them."""
    stamps = root / prebuild.STAMPS
    return sorted(file.parent.relative_to(stamps).as_posix() for file in stamps.rglob("stamp.html"))


def _place(page: Path, root: Path) -> str:
    return stamp.place(PurePosixPath(page.relative_to(root / "docs"))).parent.as_posix()


def _save(root: Path, run: record.Record) -> None:
    page = parse(root / run.page, root)
    record.save(dataclasses.replace(run, fingerprint=record.fingerprint(page, run.python, root)), root)


def _change(file: Path) -> None:
    """Change one character: the last letter or digit."""
    text = file.read_text("utf-8")
    position = max(index for index, character in enumerate(text) if character.isalnum())
    file.write_text(text[:position] + ("a" if text[position] != "a" else "b") + text[position + 1 :], "utf-8")
