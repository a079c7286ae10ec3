"""The built site: where its addresses lead, how its pages are made up, what they weigh. With both builders."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from guide import ROOT, archive
from guide.page import pages, parse
from support import checks, html
from support import site as builders


@pytest.fixture(scope="session", params=list(builders.BUILDERS))
def built(request: pytest.FixtureRequest, build: Callable[[str], Path]) -> Path:
    try:
        return build(request.param)
    except builders.BuildError:
        pytest.fail(f"{request.param} built no site: see {test_the_strict_build_passes.__name__}", pytrace=False)


@pytest.mark.parametrize("builder", builders.BUILDERS)
def test_the_strict_build_passes(builder: str, build: Callable[[str], Path]) -> None:
    try:
        assert (build(builder) / "index.html").is_file()
    except builders.BuildError as error:
        pytest.fail(str(error), pytrace=False)


def test_every_page_is_built(built: Path) -> None:
    assert sorted(checks.written(built)) == sorted(_address(page, ROOT) for page in pages() if _in_docs(page, ROOT))


def test_every_local_address_leads_somewhere(built: Path) -> None:
    assert checks.broken_addresses(built, builders.ADDRESS) == []


def test_nothing_is_loaded_from_another_host(built: Path) -> None:
    assert checks.loads_from_other_hosts(built) == []


def test_no_script_of_the_guide_names_another_host() -> None:
    named = {
        file.name: re.findall(r"(?:\w+:)?//[\w-]+\.\w[\w.-]+", file.read_text("utf-8"))
        for file in (ROOT / "docs/assets").rglob("*.js")
    }
    assert not any(named.values()), named


def test_headings_are_a_tree(built: Path) -> None:
    assert checks.faulty_headings(built) == []


def test_every_picture_has_its_text(built: Path) -> None:
    assert checks.silent_pictures(built) == []


def test_every_page_tells_its_language_title_and_description(built: Path) -> None:
    assert checks.faulty_heads(built) == []


def test_a_description_is_whole(built: Path) -> None:
    # The theme does not escape it: a quotation mark would end it.
    told = {name: document.description for name, document in checks.written(built).items()}
    given = {_address(page, ROOT): _front_matter(page)["description"] for page in pages() if _in_docs(page, ROOT)}
    assert told == given


def test_pages_keep_their_budgets(built: Path) -> None:
    assert checks.heavy_pages(built, builders.PREFIX) == []


def test_a_page_carries_the_navigation_of_its_own_part_only(built: Path) -> None:
    # Otherwise the site grows with the square of its pages.
    entry = re.compile(r'<a href="([^"#]*)" class="md-nav__link')
    foreign = []
    for name, document in checks.written(built).items():
        own = name.split("/")[0]
        found = [html.resolve(built, document.file, given) for given in entry.findall(document.file.read_text("utf-8"))]
        assert found
        listed = [target[0].relative_to(built).parts for target in found if target]
        foreign += [f"{name}: {'/'.join(parts)}" for parts in listed if len(parts) > 2 and parts[0] != own]
    assert foreign == []


def test_every_download_is_there_and_linked(built: Path) -> None:
    files = {path.name: path.read_bytes() for path in (built / "downloads").iterdir()}
    assert files == {f"{name}.zip": archive.pack(name) for name in archive.names()}
    followed = {Path(address).name for document in checks.documents(built).values() for _, address in document.links}
    assert {name for name in followed if name.endswith(".zip")} == set(files)


def test_the_sitemap_names_every_page(built: Path) -> None:
    named = [node.text for node in ElementTree.parse(built / "sitemap.xml").iterfind(".//{*}loc")]
    assert sorted(named) == sorted(builders.ADDRESS + name.removesuffix("index.html") for name in checks.written(built))


def test_the_search_index_leads_to_every_page(built: Path) -> None:
    mkdocs, zensical = built / "search/search_index.json", built / "search.json"
    entries = json.loads(mkdocs.read_text())["docs"] if mkdocs.is_file() else json.loads(zensical.read_text())["items"]
    found = {html.resolve(built, built / "index.html", entry["location"] or "./") for entry in entries}
    assert None not in found
    anchors = {(file.relative_to(built).as_posix(), fragment) for file, fragment in found}
    missing = [(name, anchor) for name, anchor in anchors if anchor not in checks.written(built)[name].anchors | {""}]
    assert missing == []
    assert {name for name, _ in anchors} == set(checks.written(built))


def test_every_page_that_ran_has_its_stamp(built: Path, build: Callable[[str], Path]) -> None:
    # The copy that the site is built from has a record for every page.
    tree = builders.tree_of(built)
    ran = {
        _address(page, tree): int(builders.made_up(page, tree).commands > 0)
        for page in pages(tree)
        if _in_docs(page, tree)
    }
    assert {name: document.stamps for name, document in checks.written(built).items()} == ran
    assert sum(ran.values()) > len(ran) / 2


def test_a_saved_example_is_live_and_the_server_comes_to_rest(tmp_path: Path) -> None:
    tree = builders.copy(tmp_path / "tree")
    page = next(page for page in pages(tree) if _in_docs(page, tree) and parse(page, tree).starts)
    project = tree / f"examples/{parse(page, tree).starts[0]}/pyproject.toml"
    address = _address(page, tree).removesuffix("index.html")
    with builders.live_server(tree) as server:
        server.wait_for(address, 'class="stamp"')
        text = project.read_text("utf-8")
        project.write_text(text.replace('description = "', 'description = "Edited a moment ago. '), "utf-8")
        server.wait_for(address, "Edited a moment ago.")
        time.sleep(3)
        # The edit, and what follows from it: the zip, the block and the stamps. Then nothing any more.
        assert 1 <= server.log.read_text("utf-8").count("Detected file changes") <= 2
        assert 'class="stamp"' not in server.wait_for(address, "Edited a moment ago.")


@pytest.mark.parametrize("builder", builders.BUILDERS)
def test_a_link_to_nowhere_stops_the_build(builder: str, tmp_path: Path) -> None:
    tree = builders.copy(tmp_path / "tree")
    with (tree / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    with pytest.raises(builders.BuildError, match=r"nowhere\.md"):
        builders.BUILDERS[builder](tree, tmp_path / "out")


def test_a_faulty_example_stops_the_build_with_one_clear_line(tmp_path: Path) -> None:
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
    assert len(script.stderr.splitlines()) == 1
    assert fault in str(hook.value)
    assert "Aborted with a BuildError" in str(hook.value)


def _front_matter(page: Path) -> dict:
    return yaml.safe_load(page.read_text("utf-8").split("---\n")[1])


def _in_docs(page: Path, root: Path) -> bool:
    return page.is_relative_to(root / "docs")


def _address(page: Path, root: Path) -> str:
    path = page.relative_to(root / "docs")
    return (path.with_suffix(".html") if path.name == "index.md" else path.with_suffix("") / "index.html").as_posix()
