"""The downloads, and the blocks that offer them."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import prebuild
import pytest
from guide import ROOT, archive, get, links
from support.system import missing

EXAMPLES = archive.names()
MARKERS = (b"8<-", b"<!-- start:", b"<!-- run:", b"<!-- skip:")


@pytest.fixture
def copies(tmp_path: Path) -> list[Path]:
    """The examples twice, on paper the same: other times, other rights, made in another order, with caches in one."""
    made = []
    for number, mask in enumerate((0o022, 0o077)):
        root = tmp_path / str(number)
        with _umask(mask):
            for file in sorted(_tracked(), reverse=bool(number)):
                target = root / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / file).read_bytes())
                mode = 0o777 if os.access(ROOT / file, os.X_OK) else 0o666
                target.chmod(mode & ~mask)
                os.utime(target, (1e9 + number * 1e8, 1e9 + number * 1e8))
        made.append(root)
    for rubbish in ("src/__pycache__/a.cpython-313.pyc", ".venv/bin/python", "dist/a.whl", "a.egg-info/PKG-INFO"):
        target = made[1] / "examples" / EXAMPLES[0] / rubbish
        target.parent.mkdir(parents=True)
        target.write_bytes(b"rubbish")
    return made


def test_there_are_examples() -> None:
    assert EXAMPLES == sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("name", EXAMPLES)
def test_two_builds_are_the_same_bytes(name: str, copies: list[Path]) -> None:
    first, second = (archive.pack(name, root) for root in copies)
    assert first == second


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_download_holds_what_git_tracks_below_one_folder(name: str) -> None:
    with _opened(name) as download:
        held = [entry.filename for entry in download.infolist()]
    wheels = [f"{name}/wheels/{archive.wheel(carried).name}" for carried in archive.carries(name)]
    assert held == sorted(file.removeprefix("examples/") for file in _tracked(f"examples/{name}")) + wheels


@pytest.mark.parametrize("name", [name for name in EXAMPLES if archive.carries(name)])
def test_a_download_carries_the_wheels_that_its_requirements_name(name: str) -> None:
    with _opened(name) as download:
        lines = download.read(f"{name}/requirements.txt").decode().splitlines()
        named = [line.partition("[")[0] for line in lines if line.startswith("./")]
        assert named
        for wheel in named:
            with zipfile.ZipFile(io.BytesIO(download.read(f"{name}/{wheel.removeprefix('./')}"))) as inside:
                assert inside.testzip() is None


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_download_has_no_marker_that_only_this_site_reads(name: str) -> None:
    with _opened(name) as download:
        marked = [(file, mark) for file in download.namelist() for mark in MARKERS if mark in download.read(file)]
    assert marked == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_is_compressed_since_compressors_differ(name: str) -> None:
    with _opened(name) as download:
        assert {entry.compress_type for entry in download.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("name", EXAMPLES)
def test_modes_are_those_of_files_and_programs(name: str) -> None:
    executable = {line.split()[-1] for line in _git("ls-files", "--stage", "examples") if line.startswith("100755")}
    with _opened(name) as download:
        for entry in download.infolist():
            expected = 0o755 if f"examples/{entry.filename}" in executable else 0o644
            assert (entry.filename, entry.create_system, entry.external_attr >> 16) == (
                entry.filename,
                archive.UNIX,
                0o100000 | expected,
            )


@pytest.mark.parametrize("program", ["python", "unzip"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_download_unpacks(name: str, program: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.zip"
    file.write_bytes(archive.pack(name))
    if program == "unzip" and not shutil.which("unzip"):
        missing("unzip is missing: apt install unzip")
    command = {"python": [sys.executable, "-m", "zipfile", "-e", file.name, "."], "unzip": ["unzip", "-q", file.name]}
    subprocess.run(command[program], cwd=tmp_path, check=True, timeout=60)
    expected = archive.unpack(name, tmp_path / "expected")
    assert _contents(tmp_path / name) == _contents(expected)


def test_unpack_keeps_the_right_to_run_a_program(tmp_path: Path) -> None:
    folder = _example(tmp_path, {"run.sh": "echo ran\n", "notes.txt": "read\n"})
    (folder / "run.sh").chmod(0o700)
    (tmp_path / "out").mkdir()
    out = archive.unpack("sample", tmp_path / "out", tmp_path)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in out.iterdir()} == {
        "run.sh": "0o755",
        "notes.txt": "0o644",
    }


@pytest.mark.parametrize(
    ("name", "written", "given"),
    [
        ("a.py", "# --8<-- [start:one]\na = 1\n# --8<-- [end:one]\n", "a = 1\n"),
        ("a.py", "import b\n\n\n    # --8<-- [start:one]\ndef f(): ...\n", "import b\n\n\ndef f(): ...\n"),
        ("a.py", "a = 1\n\n# --8<-- [end:one]\n\nb = 2\n", "a = 1\n\nb = 2\n"),
        ("a.py", "# --8<-- [start:one]\n\na = 1\n\n# --8<-- [end:one]\n", "a = 1\n"),
        ("a.html", "<!-- --8<-- [start:one] -->\n<p>\n", "<p>\n"),
        ("a.css", "/* --8<-- [start:one] */\np {}\n", "p {}\n"),
        ("a.js", "// --8<-- [start:one]\na;\n", "a;\n"),
        ("a.sql", "-- --8<-- [start:one]\nSELECT 1;\n", "SELECT 1;\n"),
        ("a.html", "{# --8<-- [start:one] #}\n{{ a }}\n", "{{ a }}\n"),
        ("a.txt", "a\r\n# --8<-- [start:one]\r\nb\r\n", "a\r\nb\r\n"),
        ("a.py", "\n\na = 1\n\n\n\nb = 2\n\n", "\n\na = 1\n\n\n\nb = 2\n\n"),
        ("README.md", "# A\n\n<!-- start: examples/a -->\n\nText\n", "# A\n\nText\n"),
        ("README.md", "A\n\n<!-- run: exit=1 -->\n```console\n", "A\n\n```console\n"),
        ("README.md", "A\n\n<!-- skip: no account -->\n```console\n", "A\n\n```console\n"),
        ("README.md", "A\n\n<!-- a remark -->\n", "A\n\n<!-- a remark -->\n"),
        ("notes.md", "<!-- run: exit=1 -->\n", "<!-- run: exit=1 -->\n"),
    ],
)
def test_markers_are_taken_out_with_their_lines(tmp_path: Path, name: str, written: str, given: str) -> None:
    _example(tmp_path, {name: written})
    with zipfile.ZipFile(io.BytesIO(archive.pack("sample", tmp_path))) as download:
        assert download.read(f"sample/{name}").decode() == given


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"a.py": "a = 1  # --8<-- [start:one]\n"}, "examples/sample/a.py:1: a section marker stands alone"),
        ({"dist/a.whl": ""}, "examples/sample has no files; the examples are "),
        ({"README.md": ""}, "examples/sample/README.md has no section 'try'; put the commands"),
        ({"a.py": ""}, "examples/sample/README.md is missing; write one, and put the commands"),
        ({"README.md": "TRY"}, "examples/sample/pyproject.toml is missing; every example is a project"),
        ({"README.md": "TRY", "pyproject.toml": "[tool.a]\n"}, "examples/sample/pyproject.toml has no [project] table"),
        ({"README.md": "TRY", "pyproject.toml": "[project\n"}, "examples/sample/pyproject.toml is no TOML: "),
        ({"README.md": "TRY", "pyproject.toml": "[project]\n"}, "examples/sample/pyproject.toml has no description"),
        ({"README.md": "TRY", "setup.py": ""}, "examples/sample/README.md says nothing of the project; begin with"),
    ],
)
def test_a_fault_names_the_file_and_the_remedy(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    text = "<!-- --8<-- [start:try] -->\n```console\n$ true\n```\n<!-- --8<-- [end:try] -->\n"
    _example(tmp_path, {name: text if content == "TRY" else content for name, content in files.items()})
    with pytest.raises(archive.ExampleError) as raised:
        get.block("sample", len(archive.pack("sample", tmp_path)), tmp_path)
    assert str(raised.value).startswith(fault)


def test_the_block_says_of_windows_what_the_readme_says(tmp_path: Path) -> None:
    section = "<!-- --8<-- [start:try] -->\n```console\n$ true\n```\n<!-- --8<-- [end:try] -->\n"
    said = "On Windows, type `py`\nand wait."
    for readme, shown in ((f"{section}\n{said}\n\nMore.\n", f"\n{said}\n"), (f"{section}\nOn a server: {said}\n", "")):
        _example(tmp_path, {"README.md": readme, "pyproject.toml": '[project]\ndescription = "A sample."\n'})
        block = get.block("sample", 100, tmp_path)
        assert block.endswith(f'--8<-- "examples/sample/README.md:try"\n{shown}\n</div>\n')


def test_a_project_of_before_pyproject_is_described_by_its_readme(tmp_path: Path) -> None:
    readme = "# A\n\n<!-- start: examples/sample -->\n\nWhat it is,\nin a paragraph.\n\nMore.\n"
    folder = _example(tmp_path, {"README.md": readme, "setup.py": ""})
    assert archive.describe("sample", tmp_path) == "What it is,\nin a paragraph."
    (folder / "pyproject.toml").write_text('[project]\ndescription = "A sample."\n')
    assert archive.describe("sample", tmp_path) == "A sample."


def test_a_link_is_no_file_to_hand_out(tmp_path: Path) -> None:
    folder = _example(tmp_path, {"a.py": ""})
    (folder / "b.py").symlink_to("a.py")
    with pytest.raises(archive.ExampleError, match=r"^examples/sample/b\.py is a link; put a file in its place$"):
        archive.pack("sample", tmp_path)


def test_the_tree_is_drawn_like_the_command_tree() -> None:
    members = [Path(name) for name in ("README.md", "src/one/__init__.py", "src/one/a.py", "tests/test_a.py")]
    assert get.tree("one", members) == [
        "one/",
        "├── README.md",
        "├── src/",
        "│   └── one/",
        "│       ├── __init__.py",
        "│       └── a.py",
        "└── tests/",
        "    └── test_a.py",
    ]


def test_links_are_those_of_the_clients() -> None:
    from twine import utils

    written = dict(line.split(": ", 1) for line in links.links().splitlines())
    assert list(written) == ["[PyPI]", "[TestPyPI]"]
    # Twine knows the hosts where files are uploaded; the pages are on the same hosts.
    upload = utils.TEST_REPOSITORY.removesuffix("legacy/")
    assert written["[TestPyPI]"] == upload
    assert written["[PyPI]"] == upload.replace("test.", "", 1)


def test_the_step_writes_only_what_changes_and_removes_what_is_stale(tmp_path: Path) -> None:
    _example(
        tmp_path,
        {
            "README.md": "# A\n\n<!-- --8<-- [start:try] -->\n```console\n$ true\n```\n<!-- --8<-- [end:try] -->\n",
            "pyproject.toml": '[project]\nname = "sample"\ndescription = "A sample."\n',
        },
    )
    generated = [
        "docs/.generated/backends.md",
        "docs/.generated/get/sample.md",
        "docs/.generated/links.md",
        "docs/.generated/many-machines-without.md",
        "docs/.generated/many-machines.md",
        "docs/.generated/pypi-growth.md",
        "docs/.generated/server-lab-memory.svg",
        "docs/.generated/server-lab-speed.svg",
        "docs/.generated/server-lab.md",
        "docs/.generated/skips.md",
        "docs/.generated/static-files.md",
        "docs/downloads/sample.zip",
    ]
    prebuild.generate(tmp_path)
    assert [path for path in _contents(tmp_path) if not path.startswith("examples")] == generated
    for path in generated:
        os.utime(tmp_path / path, (1e9, 1e9))
    (tmp_path / "docs/downloads/old.zip").write_bytes(b"")
    (tmp_path / "docs/.generated/get/old.md").write_bytes(b"")
    (tmp_path / "docs/.overrides/stamps/old").mkdir(parents=True)
    (tmp_path / "docs/.overrides/stamps/old/stamp.html").write_bytes(b"")
    prebuild.generate(tmp_path)
    assert [path for path in _contents(tmp_path) if not path.startswith("examples")] == generated
    assert {(tmp_path / path).stat().st_mtime for path in generated} == {1e9}
    (tmp_path / "examples/sample/a.py").write_text("a = 1\n")
    prebuild.generate(tmp_path)
    changed = {path for path in generated if (tmp_path / path).stat().st_mtime != 1e9}
    assert changed == {"docs/.generated/get/sample.md", "docs/downloads/sample.zip"}


def _example(root: Path, files: dict[str, str]) -> Path:
    folder = root / "examples/sample"
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode())
    return folder


@contextmanager
def _opened(name: str) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(io.BytesIO(archive.pack(name))) as download:
        assert download.testzip() is None
        yield download


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _tracked(folder: str = "examples") -> list[str]:
    """What git tracks, or would track after `git add`."""
    return [
        file
        for file in _git("ls-files", "--cached", "--others", "--exclude-standard", folder)
        if (ROOT / file).is_file()
    ]


def _git(*arguments: str) -> list[str]:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return run.stdout.splitlines()
