"""Write an index so that whoever installs from it meanwhile never sees a half of it.

An index is plain files:

    files/greet-1.0-py3-none-any.whl             what is installed
    files/greet-1.0-py3-none-any.whl.metadata    what the resolver reads first
    simple/index.html, index.json                the projects
    simple/greet/index.html, index.json          the files of one

Each is written beside its place and then renamed into it, which no reader sees half
done. The order does the rest: files before the pages that link to them, pages before
the list that links to them, and what nothing links to any more is removed last. A
published file never changes. So a build that is killed leaves an index that works, and
the next build completes it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from packaging.version import Version

from static_index import pages
from static_index.read import BLOCK, IndexedFile, Refused, read_file, read_name
from static_index.releases import Releases

Old = dict[str, IndexedFile]


def build(files: Path, out: Path, releases: Releases | None = None) -> list[IndexedFile]:
    """Make the folder `out` the index of the wheels and sdists in the folder `files`.

    Everything is read and checked before the first byte is written.

    Args:
        files: A flat folder of wheels and sdists. Names that begin with a dot are passed over.
        out: The index: a new or empty folder, or an index from before.
        releases: Yanked files and upload times.

    Returns:
        What the index holds, by project, then version, then file name.

    Raises:
        Refused: A file, a folder or a release is not in order; each is named, one per
            line, and the index is left as it was.
    """
    releases = releases or Releases()
    _check_folders(files, out)
    old = _read_old(out)
    found, problems = [], []
    for path in sorted(path for path in files.iterdir() if not path.name.startswith(".")):
        try:
            found.append(_take(path, out, old))
        except Refused as problem:
            problems.append(str(problem))
    problems += _find_twins(found) + _find_strangers(found, releases)
    if problems:
        raise Refused("\n".join(problems))
    found.sort(key=lambda file: (file.project, file.version, file.filename))
    _write(files, out, found, releases)
    return found


def _check_folders(files: Path, out: Path) -> None:
    if not files.is_dir():
        raise Refused(f"{files}: not a folder; name the folder that holds the wheels and sdists")
    inner, outer = sorted([files.resolve(), out.resolve()], key=lambda path: len(path.parts), reverse=True)
    if outer == inner or outer in inner.parents:
        raise Refused(f"{out}: one of it and {files} holds the other; choose another folder for the index")
    if out.exists() and not out.is_dir():
        raise Refused(f"{out}: not a folder; choose another name for the index")
    if out.is_dir() and any(out.iterdir()) and not (out / "simple").is_dir():
        raise Refused(f"{out}: neither empty nor an index; choose another folder for the index")


def _read_old(out: Path) -> Old:
    """Read what the pages of an index from before say about its files."""
    old = {}
    for page in out.glob("simple/*/index.json"):
        try:
            for entry in json.loads(page.read_text(encoding="utf-8"))["files"]:
                file = _from_entry(entry)
                old[file.filename] = file
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"{page}: damaged ({error!r}); remove {out} and build again") from error
    return old


def _from_entry(entry: dict[str, Any]) -> IndexedFile:
    project, version = read_name(entry["filename"])
    return IndexedFile(
        filename=entry["filename"],
        project=project,
        version=version,
        size=entry["size"],
        sha256=entry["hashes"]["sha256"],
        requires_python=entry.get("requires-python"),
        metadata_sha256=entry.get("core-metadata", {}).get("sha256"),
    )


def _take(path: Path, out: Path, old: Old) -> IndexedFile:
    """Describe one file, from the old index where it has not changed since."""
    before = old.get(path.name)
    if before and _same_stamp(path, out / "files" / path.name):
        return before
    file = read_file(path)
    if before and before.sha256 != file.sha256:
        raise Refused(f"{path.name}: differs from the one already published; raise the version")
    return file


def _same_stamp(path: Path, copy: Path) -> bool:
    """Tell without reading it whether a file is what it was when it was copied.

    `cp -p` and `rsync -a` replace a file by another with the same size and modification time.
    Its ctime, which nobody can set, is then that of the replacement: later than the copy's.
    """
    try:
        now, then = path.stat(), copy.stat()
    except OSError:
        return False
    same = (now.st_size, now.st_mtime_ns) == (then.st_size, then.st_mtime_ns)
    return same and now.st_ctime_ns < then.st_ctime_ns


def _find_twins(found: list[IndexedFile]) -> list[str]:
    """Find files that an installer could not tell apart, such as `a-1.tar.gz` and `A-1.0.tar.gz`."""
    first: dict[tuple[str, Version, str], str] = {}
    problems = []
    for file in found:
        tags = "-".join(file.filename.lower().split("-")[2:]) if file.metadata_sha256 else "sdist"
        other = first.setdefault((file.project, file.version, tags), file.filename)
        if other != file.filename:
            problems.append(f"{file.filename}: the same release as {other}; keep one of them")
    return problems


def _find_strangers(found: list[IndexedFile], releases: Releases) -> list[str]:
    names = {file.filename for file in found}
    strangers = sorted((releases.yanked.keys() | releases.uploaded.keys()) - names)
    return [f"{name}: named among the releases, but not among the files; correct the name" for name in strangers]


# --8<-- [start:write]
def _write(files: Path, out: Path, found: list[IndexedFile], releases: Releases) -> None:
    by_project: dict[str, list[IndexedFile]] = {}
    for file in found:
        by_project.setdefault(file.project, []).append(file)
        _publish(files / file.filename, out / "files" / file.filename, file)
    for project, members in by_project.items():
        _put_text(out / "simple" / project / "index.json", pages.project_json(project, members, releases))
        _put_text(out / "simple" / project / "index.html", pages.project_html(project, members, releases))
    _put_text(out / "simple" / "index.json", pages.root_json(list(by_project)))
    _put_text(out / "simple" / "index.html", pages.root_html(list(by_project)))
    for path in _leftovers(out, found, set(by_project)):
        path.rmdir() if path.is_dir() else path.unlink()


# --8<-- [end:write]


def _publish(path: Path, copy: Path, file: IndexedFile) -> None:
    """Copy a file into the index, its metadata first, unless it is there."""
    if _same_stamp(path, copy):
        return
    if (metadata := file.metadata) is not None:
        _put(copy.with_name(f"{copy.name}.metadata"), lambda place: place.write_bytes(metadata))
    _put(copy, lambda place: _copy(path, place, file.sha256))


def _copy(path: Path, place: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as source, place.open("wb") as copy:
        stamp = os.fstat(source.fileno())
        while block := source.read(BLOCK):
            digest.update(block)
            copy.write(block)
    if digest.hexdigest() != sha256:
        raise Refused(f"{path.name}: changed while it was read; build again when it is complete")
    os.utime(place, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def _put_text(path: Path, text: str) -> None:
    """Write a page, unless it already says that."""
    written = text.encode()
    if not path.is_file() or path.read_bytes() != written:
        _put(path, lambda place: place.write_bytes(written))


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it into its place at once."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
    place = path.with_name(f".part-{os.getpid()}")
    try:
        write(place)
        place.replace(path)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def _leftovers(out: Path, found: list[IndexedFile], projects: set[str]) -> Iterator[Path]:
    """List what no page links to any more: folders after what they hold."""
    keep = {file.filename for file in found} | {f"{file.filename}.metadata" for file in found}
    yield from [path for path in (out / "files").glob("*") if path.name not in keep]
    yield from list(out.glob("simple/.part-*")) + list(out.glob("simple/*/.part-*"))
    for folder in [path for path in out.glob("simple/*") if path.is_dir() and path.name not in projects]:
        yield from [*folder.glob("index.html"), *folder.glob("index.json"), folder]
