"""The built site: what it links to, how its pages are made up, and what they weigh. With both builders."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from guide import ROOT, archive
from guide.page import pages
from support import html
from support import site as builders
from support.html import Document

SOURCES = [page.relative_to(ROOT / "docs") for page in pages() if page.is_relative_to(ROOT / "docs")]
NAVIGATION = re.compile(r"^\s*-.*?([\w/-]+\.md)$", re.MULTILINE)


@pytest.fixture(scope="session", params=list(builders.BUILDERS))
def built(request: pytest.FixtureRequest, build: Callable[[str], Path]) -> Path:
    try:
        return build(request.param)
    except builders.BuildError:
        pytest.fail(f"{request.param} built no site: see {test_the_strict_build_passes.__name__}", pytrace=False)


@cache
def documents(site: Path) -> dict[str, Document]:
    return {file.relative_to(site).as_posix(): html.read(file) for file in sorted(site.rglob("*.html"))}


def written(site: Path) -> dict[str, Document]:
    """The pages that somebody wrote: all but the one for addresses that do not exist."""
    return {name: document for name, document in documents(site).items() if name != "404.html"}


@pytest.mark.parametrize("builder", builders.BUILDERS)
def test_the_strict_build_passes(builder: str, build: Callable[[str], Path]) -> None:
    try:
        assert (build(builder) / "index.html").is_file()
    except builders.BuildError as error:
        pytest.fail(str(error), pytrace=False)


def test_every_page_is_built(built: Path) -> None:
    expected = [page if page.name == "index.md" else page.with_suffix("") / "index.md" for page in SOURCES]
    assert sorted(written(built)) == sorted(page.with_suffix(".html").as_posix() for page in expected)


def test_every_local_address_resolves(built: Path) -> None:
    broken = []
    for name, document in documents(built).items():
        for element, address in document.links + document.loads:
            if html.is_external(address):
                if not address.startswith(builders.ADDRESS):
                    continue
                address = builders.PREFIX + address.removeprefix(builders.ADDRESS)
            elif address.startswith(("mailto:", "about:")):
                continue
            elif address.startswith("/") and name != "404.html":
                broken.append(f"{name}: <{element}> {address} does not work from another path")
                continue
            target = html.resolve(built, document.file, address, builders.PREFIX)
            if target is None:
                broken.append(f"{name}: <{element}> {address} leads to no file")
            elif target[1] and target[0].suffix == ".html":
                file = target[0].relative_to(built).as_posix()
                if target[1] not in documents(built)[file].anchors:
                    broken.append(f"{name}: <{element}> {address} leads to no anchor of {file}")
    assert broken == []


def test_every_address_in_a_style_sheet_resolves(built: Path) -> None:
    broken = [
        f"{file.relative_to(built)}: {address}"
        for file in built.rglob("*.css")
        for address in html.addresses(file.read_text("utf-8"))
        if not html.is_external(address) and html.resolve(built, file, address) is None
    ]
    assert broken == []


def test_nothing_is_loaded_from_another_host(built: Path) -> None:
    external = [
        f"{name}: <{element}> {address}"
        for name, document in documents(built).items()
        for element, address in document.loads
        if html.is_external(address)
    ]
    for file in [*built.rglob("*.css"), *built.rglob("*.svg")]:
        text = file.read_text("utf-8")
        loaded = html.addresses(text) + (html.read(file).loads and [a for _, a in html.read(file).loads])
        external += [f"{file.relative_to(built)}: {address}" for address in loaded if html.is_external(address)]
    for file in sorted((ROOT / "docs/assets").rglob("*.js")):
        external += [
            f"{file.name}: {address}" for address in re.findall(r"(?:https?:)?//\w[\w.-]+\.\w+", file.read_text())
        ]
    assert external == []


def test_every_download_is_there_and_linked(built: Path) -> None:
    zips = {path.stem for path in (built / "downloads").iterdir()}
    assert zips == set(archive.names())
    assert {path.name: path.read_bytes() for path in (built / "downloads").iterdir()} == {
        f"{name}.zip": archive.pack(name) for name in archive.names()
    }
    linked = {address for document in documents(built).values() for _, address in document.links}
    assert {Path(address).stem for address in linked if address.endswith(".zip")} == zips


def test_a_page_has_one_title_heading_and_skips_no_level(built: Path) -> None:
    faults = []
    for name, document in documents(built).items():
        levels = [level for level, _ in document.headings]
        if levels[:1] != [1] or levels.count(1) != 1:
            faults.append(f"{name}: one h1, and first: {document.headings}")
        faults += [
            f"{name}: h{level} {text!r} follows h{before}"
            for before, (level, text) in zip(levels, document.headings[1:], strict=False)
            if level > before + 1
        ]
        faults += [f"{name}: an empty h{level}" for level, text in document.headings if not text.strip("# ")]
    assert faults == []


def test_a_picture_has_its_text(built: Path) -> None:
    silent = [
        f"{name}: {picture}"
        for name, document in documents(built).items()
        for picture, text in document.pictures
        if not (text or "").strip()
    ]
    assert silent == []


def test_a_page_tells_its_language_title_and_description(built: Path) -> None:
    faults = [f"{name}: lang {d.language!r}" for name, d in documents(built).items() if d.language != "en"]
    for what in ("title", "description"):
        told = {name: getattr(document, what) or "" for name, document in written(built).items()}
        counted = Counter(told.values())
        faults += [
            f"{name}: no {what} of its own: {text!r}" for name, text in told.items() if counted[text] > 1 or not text
        ]
    for name, document in written(built).items():
        if not 50 <= len(document.description or "") <= 160:
            faults.append(f"{name}: a description has 50 to 160 characters, not {len(document.description or '')}")
    assert faults == []


def test_the_sitemap_names_every_page(built: Path) -> None:
    tree = ElementTree.parse(built / "sitemap.xml")
    named = [node.text for node in tree.iterfind(".//{*}loc")]
    expected = [builders.ADDRESS + name.removesuffix("index.html") for name in written(built)]
    assert sorted(named) == sorted(expected)


def test_the_search_index_leads_to_what_is_there(built: Path) -> None:
    if (index := built / "search/search_index.json").is_file():  # MkDocs
        entries = json.loads(index.read_text("utf-8"))["docs"]
    else:  # Zensical
        entries = json.loads((built / "search.json").read_text("utf-8"))["items"]
    locations = [entry["location"] for entry in entries]
    broken = []
    for location in locations:
        target = html.resolve(built, built / "index.html", location or "./")
        name = target[0].relative_to(built).as_posix() if target else ""
        if not target or (target[1] and target[1] not in documents(built)[name].anchors):
            broken.append(location)
    assert broken == []
    found = {location.partition("#")[0] + "index.html" for location in locations}
    assert found == set(written(built))


def test_every_page_that_ran_has_its_stamp(built: Path) -> None:
    # The copy that the site is built from has a record for every page.
    tree = built.parent.parent / "tree/built"
    expected = {}
    for page in pages(tree):
        if page.is_relative_to(tree / "docs"):
            name = page.relative_to(tree / "docs")
            folder = name.parent if name.name == "index.md" else name.with_suffix("")
            expected[(folder / "index.html").as_posix()] = int(builders.made_up(page, tree).commands > 0)
    assert {name: document.stamps for name, document in written(built).items()} == expected


def test_a_fault_stops_the_strict_build(tmp_path: Path) -> None:
    tree = builders.copy(tmp_path / "tree")
    page = tree / "docs/index.md"
    page.write_text(page.read_text("utf-8") + "\n[nowhere](nowhere.md)\n", "utf-8")
    for build in builders.BUILDERS.values():
        with pytest.raises(builders.BuildError, match=r"nowhere\.md"):
            build(tree, tmp_path / "out")


def test_a_fault_of_an_example_is_one_line_in_both_ways(tmp_path: Path) -> None:
    tree = builders.copy(tmp_path / "tree")
    name = archive.names()[0]
    (tree / f"examples/{name}/README.md").unlink()
    fault = f"examples/{name}/README.md is missing; write one, and put the commands"
    with pytest.raises(builders.BuildError) as hook:
        builders.build_with_mkdocs(tree, tmp_path / "out")
    script = subprocess.run(
        [sys.executable, "docs/.hooks/prebuild.py"], cwd=tree, capture_output=True, text=True, timeout=60
    )
    assert script.returncode == 1
    assert script.stderr.startswith(f"pre-build step: {fault}")
    assert fault in str(hook.value)
    assert "Traceback" not in script.stderr + str(hook.value)
