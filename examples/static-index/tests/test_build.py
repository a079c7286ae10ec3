"""What a build changes, and what it leaves alone."""

import hashlib
import json
import os
import re
import time
from pathlib import Path

import pytest
from killing import kill_at_each_write
from making import sdist, tree, wheel
from static_index import Refused, build, write
from static_index.__main__ import main

TICK = 0.05  # seconds; more than the clock of a file system takes to move on


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def check_links(out: Path) -> None:
    """Follow every link of an index, in both forms, as an installer would."""
    simple = out / "simple"
    listed = json.loads((simple / "index.json").read_text())["projects"]
    for project in re.findall(r'<a href="([^"]+)/">', (simple / "index.html").read_text()):
        page = (simple / project / "index.html").read_text()
        links = re.findall(r'href="([^"#]+)#sha256=(\w+)"(?:.*core-metadata="sha256=(\w+))?', page)
        assert len(links) == page.count("<a ") > 0
        check_files(simple / project, links)
    for project in [entry["name"] for entry in listed]:
        files = json.loads((simple / project / "index.json").read_text())["files"]
        told = [file.get("core-metadata", {}).get("sha256", "") for file in files]
        check_files(simple / project, [(f["url"], f["hashes"]["sha256"], t) for f, t in zip(files, told, strict=True)])


def check_files(page: Path, links: list[tuple[str, str, str]]) -> None:
    for link, sha256, metadata_sha256 in links:
        assert hashlib.sha256((page / link).read_bytes()).hexdigest() == sha256
        if metadata_sha256:
            assert hashlib.sha256((page / f"{link}.metadata").read_bytes()).hexdigest() == metadata_sha256


def test_second_build_reads_no_archive_and_writes_nothing(files: Path, out: Path, monkeypatch: pytest.MonkeyPatch):
    wheel(files, "greet", "1.0"), sdist(files, "greet", "1.0"), sdist(files, "other", "2")
    time.sleep(TICK)
    first = build(files, out)
    before = stamps(out)
    monkeypatch.setattr(write, "read_file", lambda path: pytest.fail(f"read {path}"))
    assert build(files, out) == first
    assert stamps(out) == before


def test_touched_file_stays_published(files: Path, out: Path):
    path = wheel(files, "greet", "1.0")
    build(files, out)
    before = tree(out)
    os.utime(path, (1, 1))
    build(files, out)
    assert tree(out) == before


def write_in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def replace_by_another(path: Path, content: bytes) -> None:
    other = path.with_name(".other")
    other.write_bytes(content)
    other.replace(path)


@pytest.mark.skipif(os.name == "nt", reason="its ctime is the time of creation")
@pytest.mark.parametrize("change", [write_in_place, replace_by_another])
def test_changed_file_of_the_same_name_size_and_time_is_noticed(change, files: Path, out: Path, tmp_path: Path):
    path = wheel(files, "greet", "1.0", code="answer = 42")
    other = wheel(tmp_path, "greet", "1.0", code="answer = 43").read_bytes()
    time.sleep(TICK)
    build(files, out)
    before, stamp = tree(out), path.stat()
    change(path, other)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns)
    with pytest.raises(Refused) as refused:
        build(files, out)
    assert str(refused.value) == f"{path.name}: differs from the one already published; raise the version"
    assert tree(out) == before


def test_damaged_copy_is_mended(files: Path, out: Path):
    path = wheel(files, "greet", "1.0")
    build(files, out)
    before = tree(out)
    (out / "files" / path.name).write_bytes(b"half")
    build(files, out)
    assert tree(out) == before


def test_removed_file_leaves_the_index(files: Path, out: Path):
    wheel(files, "greet", "1.0")
    build(files, out)
    before = tree(out)
    added = [wheel(files, "greet", "2.0"), sdist(files, "other", "1.0")]
    build(files, out)
    for path in added:
        path.unlink()
    build(files, out)
    assert tree(out) == before
    assert sorted(path.name for path in (out / "simple").iterdir()) == ["greet", "index.html", "index.json"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_killed_at_each_write_the_index_works_and_the_next_build_completes_it(tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        wheel(folder, "greet", "1.0", code="old = True")
    sdist(old, "leaves", "1.0")
    wheel(new, "greet", "2.0"), sdist(new, "greet", "2.0"), wheel(new, "comes", "1.0")
    build(old, tmp_path / "before")
    build(new, tmp_path / "after")
    before, after = tree(tmp_path / "before"), tree(tmp_path / "after")
    killed = kill_at_each_write(old, new, tmp_path)
    assert len(killed) > 20
    assert {name for out in killed for name in tree(out) if ".part-" in name}  # some were killed half-way
    for out in killed:
        check_links(out)
        for name, content in tree(out).items():
            assert ".part-" in name or content in (before.get(name), after.get(name)), name
        build(new, out)
        assert tree(out) == after


def test_part_of_a_killed_build_is_removed(files: Path, out: Path):
    wheel(files, "greet", "1.0")
    build(files, out)
    before = tree(out)
    for folder in ("files", "simple", "simple/greet"):
        (out / folder / ".part-1").write_text("half")
    build(files, out)
    assert tree(out) == before


def test_command_tells_what_it_indexed(files: Path, out: Path, capsys: pytest.CaptureFixture[str]):
    wheel(files, "greet", "1.0"), sdist(files, "greet", "1.0"), sdist(files, "other", "2")
    assert main(["build", str(files), str(out)]) == 0
    assert capsys.readouterr() == (f"{out}: 3 files of 2 projects\n", "")
