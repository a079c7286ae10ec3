"""What is refused: named, explained, and the index left as it was."""

import os
import time
import zipfile
from pathlib import Path

import pytest
from making import metadata, sdist, tree, wheel
from static_index import Refused, Releases, build, read_releases
from static_index import write as write_module
from static_index.__main__ import main


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def change(path: Path, before: bytes, after: bytes) -> Path:
    path.write_bytes(path.read_bytes().replace(before, after))
    return path


def write(folder: Path, name: str, content: bytes = b"") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def rename_inside(path: Path, before: str, after: str) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace(before, after), content)
    return path


LONG = f"bad-1.0+{'x' * 240}.tar.gz"
WHEEL = "bad-1.0-py3-none-any.whl"
REFUSED = {
    "other file": (
        lambda folder: write(folder, "README.txt"),
        "README.txt: neither a wheel (.whl) nor an sdist (.tar.gz); move it out of the folder",
    ),
    "folder": (
        lambda folder: (folder / "bad-1.0.tar.gz").mkdir(),
        "bad-1.0.tar.gz: not a file; move it out of the folder",
    ),
    "link to nowhere": (
        lambda folder: (folder / WHEEL).symlink_to("nowhere"),
        f"{WHEEL}: not a file; move it out of the folder",
    ),
    "pipe": (
        lambda folder: os.mkfifo(folder / WHEEL),
        f"{WHEEL}: not a file; move it out of the folder",
    ),
    "name that leaves no room": (
        lambda folder: write(folder, LONG),
        f"{LONG}: a file name has at most 246 characters; build it again with a shorter version",
    ),
    "path in a name": (
        lambda folder: write(folder, "bad\\..\\bad-1.0.tar.gz"),
        r"'bad\\..\\bad-1.0.tar.gz': a file name has only ASCII letters, digits and . _ + ! -; rename it",
    ),
    "letters that look alike": (
        lambda folder: write(folder, "b\u0430d-1.0.tar.gz"),
        r"'b\u0430d-1.0.tar.gz': a file name has only ASCII letters, digits and . _ + ! -; rename it",
    ),
    "wheel without tags": (
        lambda folder: write(folder, "bad-1.0.whl"),
        "bad-1.0.whl: not the name of a wheel; build it again instead of renaming it",
    ),
    "sdist without a version": (
        lambda folder: write(folder, "bad.tar.gz"),
        "bad.tar.gz: not the name of an sdist; build it again instead of renaming it",
    ),
    "markup in a name": (
        lambda folder: write(folder, "bad-1.0-py3-none-<b>.whl"),
        "'bad-1.0-py3-none-<b>.whl': a file name has only ASCII letters, digits and . _ + ! -; rename it",
    ),
    "line end in a name": (
        lambda folder: write(folder, "bad\n-1.0.tar.gz"),
        r"'bad\n-1.0.tar.gz': a file name has only ASCII letters, digits and . _ + ! -; rename it",
    ),
    "empty wheel": (
        lambda folder: write(folder, WHEEL),
        f"{WHEEL}: damaged or cut short; build or download it again",
    ),
    "wheel cut short": (
        lambda folder: cut(wheel(folder, "bad", "1.0"), 0.9),
        f"{WHEEL}: damaged or cut short; build or download it again",
    ),
    "wheel with a changed byte": (
        lambda folder: change(wheel(folder, "bad", "1.0", code="answer = 42"), b"42", b"43"),
        f"{WHEEL}: damaged or cut short; build or download it again",
    ),
    "sdist cut short": (
        lambda folder: cut(sdist(folder, "bad", "1.0"), 0.9),
        "bad-1.0.tar.gz: damaged or cut short; build or download it again",
    ),
    "wheel of another project": (
        lambda folder: wheel(folder, "bad", "1.0", told=metadata("good", "1.0")),
        f"{WHEEL}: its metadata says good 1.0; build it again instead of renaming it",
    ),
    "wheel of another version": (
        lambda folder: wheel(folder, "bad", "1.0", told=metadata("bad", "2.0")),
        f"{WHEEL}: its metadata says bad 2.0; build it again instead of renaming it",
    ),
    "sdist of another version": (
        lambda folder: sdist(folder, "bad", "1.0", told=metadata("bad", "2.0")),
        "bad-1.0.tar.gz: its metadata says bad 2.0; build it again instead of renaming it",
    ),
    "wheel whose inside has another name": (
        lambda folder: rename_inside(wheel(folder, "bad", "1.0"), "bad-1.0.dist-info", "good-1.0.dist-info"),
        f"{WHEEL}: no readable metadata inside; build it again",
    ),
    "version that is none": (
        lambda folder: wheel(folder, "bad", "1.0", told=metadata("bad", "one")),
        f"{WHEEL}: its metadata has the version 'one'; correct it and build again",
    ),
    "Requires-Python that is none": (
        lambda folder: wheel(folder, "bad", "1.0", told=metadata("bad", "1.0", "3.11 or newer")),
        f"{WHEEL}: its Requires-Python is '3.11 or newer'; correct it and build again",
    ),
    "metadata without end": (
        lambda folder: wheel(folder, "bad", "1.0", told=metadata("bad", "1.0") + b"\n" + b"x" * 5_000_000),
        f"{WHEEL}: no readable metadata inside; build it again",
    ),
    "published file with other content": (
        lambda folder: wheel(folder, "good", "1.0", code="changed = True"),
        "good-1.0-py3-none-any.whl: differs from the one already published; raise the version",
    ),
    "same release twice": (
        lambda folder: sdist(folder, "good", "1"),
        "good-1.tar.gz: the same release as good-1.0.tar.gz; keep one of them",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_file_is_named_and_the_index_stays(case: str, files: Path, out: Path):
    wheel(files, "good", "1.0"), sdist(files, "good", "1.0")
    build(files, out)
    before = tree(out)
    make, message = REFUSED[case]
    try:
        make(files)
    except (OSError, AttributeError):
        pytest.skip("this system has no such file")
    with pytest.raises(Refused) as refused:
        build(files, out)
    assert str(refused.value) == message
    assert tree(out) == before


def test_every_bad_file_is_named(files: Path, out: Path, capsys: pytest.CaptureFixture[str]):
    write(files, "notes.txt")
    write(files, WHEEL)
    assert main(["build", str(files), str(out)]) == 1
    assert capsys.readouterr() == (
        "",
        f"static-index: {WHEEL}: damaged or cut short; build or download it again\n"
        "static-index: notes.txt: neither a wheel (.whl) nor an sdist (.tar.gz); move it out of the folder\n",
    )
    assert not out.exists()


def test_damage_anywhere_in_an_archive_is_refused_or_harmless(files: Path, out: Path):
    for path in (wheel(files, "bad", "1.0"), sdist(files, "bad", "1.0")):
        whole = path.read_bytes()
        for at in range(0, len(whole), 7):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            try:
                build(files, out / f"{at}{path.suffix}")
            except Refused as refused:
                assert str(refused).startswith(f"{path.name}: ")  # noqa: PT017
        path.unlink()


def test_file_that_changes_while_it_is_read_is_refused(files: Path, out: Path, monkeypatch: pytest.MonkeyPatch):
    wheel(files, "greet", "1.0")
    time.sleep(0.05)
    build(files, out)
    before = tree(out / "simple")
    path = wheel(files, "greet", "2.0")
    read = write_module.read_file
    monkeypatch.setattr(write_module, "read_file", lambda path: (read(path), cut(path, 0.5))[0])
    with pytest.raises(Refused) as refused:
        build(files, out)
    assert str(refused.value) == f"{path.name}: changed while it was read; build again when it is complete"
    assert [path.name for path in (out / "files").glob("*.whl")] == ["greet-1.0-py3-none-any.whl"]
    assert tree(out / "simple") == before


FOLDERS = {
    "no such folder": ("nowhere", "index", "nowhere: not a folder; name the folder that holds the wheels and sdists"),
    "in itself": ("dist", "dist", "dist: one of it and dist holds the other; choose another folder for the index"),
    "around it": ("dist", ".", ".: one of it and dist holds the other; choose another folder for the index"),
    "within it": (
        "dist",
        "dist/out",
        "dist/out: one of it and dist holds the other; choose another folder for the index",
    ),
    "over a file": ("dist", "file", "file: not a folder; choose another name for the index"),
    "over a home": ("dist", "home", "home: neither empty nor an index; choose another folder for the index"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_wrong_folder_is_named(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("dist").mkdir()
    Path("home").mkdir()
    Path("home/letter").touch()
    Path("file").touch()
    before = sorted(tmp_path.rglob("*"))
    files, out, message = FOLDERS[case]
    with pytest.raises(Refused) as refused:
        build(Path(files), Path(out))
    assert str(refused.value) == message.replace("/", os.sep)
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_page_is_named(files: Path, out: Path):
    sdist(files, "good", "1.0")
    build(files, out)
    page = cut(out / "simple/good/index.json", 0.5)
    with pytest.raises(Refused) as refused:
        build(files, out)
    assert str(refused.value).startswith(f"{page}: damaged (")
    assert str(refused.value).endswith(f"); remove {out} and build again")


def test_release_without_a_file_is_refused(files: Path, out: Path):
    sdist(files, "good", "1.0")
    with pytest.raises(Refused) as refused:
        build(files, out, Releases(yanked={"goood-1.0.tar.gz": ""}))
    message = "goood-1.0.tar.gz: named among the releases, but not among the files; correct the name"
    assert str(refused.value) == message


RELEASES = {
    '[yanked]\n"a" = 1': "the reason for 'a' in [yanked] is not a text; quote it",
    '[uploaded]\n"a" = 2026-11-02': "the time of 'a' in [uploaded] is not like 2026-11-02T09:30:00Z",
    '[uploaded]\n"a" = 2026-11-02T09:30:00': "the time of 'a' in [uploaded] is not like 2026-11-02T09:30:00Z",
    "[Yanked]": "unknown key 'Yanked'; the tables are [yanked] and [uploaded]",
    "yanked = []": "yanked and uploaded are tables; write [yanked] and [uploaded]",
}


@pytest.mark.parametrize("text", RELEASES)
def test_bad_releases_file_is_refused(text: str, tmp_path: Path):
    path = tmp_path / "releases.toml"
    path.write_text(text)
    with pytest.raises(Refused) as refused:
        read_releases(path)
    assert str(refused.value) == f"{path}: {RELEASES[text]}"


def test_releases_file_that_is_not_toml_is_refused(tmp_path: Path):
    path = tmp_path / "releases.toml"
    path.write_text("yanked")
    with pytest.raises(Refused) as refused:
        read_releases(path)
    assert str(refused.value).startswith(f"{path}: cannot be read (")


def test_releases_file_is_read(tmp_path: Path, files: Path, out: Path):
    path = tmp_path / "releases.toml"
    path.write_text('[yanked]\n"a-1.tar.gz" = "broken"\n[uploaded]\n"a-1.tar.gz" = 2026-11-02T10:30:00+01:00\n')
    sdist(files, "a", "1")
    assert main(["build", str(files), str(out), "--releases", str(path)]) == 0
    page = (out / "simple/a/index.json").read_text()
    assert '"yanked": "broken",\n   "upload-time": "2026-11-02T09:30:00Z"\n' in page
