"""The tables of the page about build backends say what the backends do: the project is built again, by all of them."""

import os
import tomllib

import pytest
from guide import ROOT, backends
from support.workshop import Workshop

EXAMPLE = ROOT / "examples/six-backends"

BUILT = {
    "one": {
        "metadata": "2.4",
        "wheel_lacks": [],
        "sdist_lacks": [],
        "wheel_again": True,
        "sdist_again": True,
        "left": [],
    },
    "other": {
        "metadata": "2.5",
        "wheel_lacks": ["high_tide/heights.csv", "high_tide/generated.txt"],
        "sdist_lacks": ["tests/test_high_tide.py", "docs/heights.md", "notes.txt"],
        "wheel_again": False,
        "sdist_again": False,
        "left": ["build"],
    },
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> str:
    """What the example prints of its project, with the newest backends of the wheelhouse."""
    folder = tmp_path_factory.mktemp("backends")
    python = workshop.venv(folder / "venv", EXAMPLE)
    return workshop.run(python.with_stem("six-backends"), "--toml", EXAMPLE / "project", cwd=folder)


@pytest.mark.skipif(os.name == "nt", reason="the data are of a system where files have rights")
def test_the_data_are_what_the_backends_make(printed: str, update_pages: bool) -> None:
    file = ROOT / backends.DATA
    changed = not file.exists() or file.read_text("utf-8") != printed
    if changed and update_pages:
        file.write_text(printed, "utf-8")
        pytest.fail(f"{backends.DATA} is rewritten; read the page about build backends again", pytrace=False)
    assert tomllib.loads(printed) == backends.read(), "`make update` rewrites the data"
    assert not changed, f"{backends.DATA} says the same in another form; `make update` rewrites it"


def test_what_the_page_says_of_all_six_at_once() -> None:
    said = [(built["tags"], built["from_sdist"]) for built in backends.read().values()]
    assert said == [(["py3-none-any"], True)] * 6


def test_each_column_says_yes_and_no() -> None:
    assert backends.tables(BUILT) == (
        "<!-- --8<-- [start:wheel] -->\n"
        "| Backend | Data file | Ignored by git | Metadata |\n"
        "| --- | --- | --- | --- |\n"
        "| one | yes | yes | 2.4 |\n"
        "| other | no | no | 2.5 |\n"
        "<!-- --8<-- [end:wheel] -->\n"
        "\n"
        "<!-- --8<-- [start:sdist] -->\n"
        "| Backend | Tests | docs/ | notes.txt |\n"
        "| --- | --- | --- | --- |\n"
        "| one | yes | yes | yes |\n"
        "| other | no | no | no |\n"
        "<!-- --8<-- [end:sdist] -->\n"
        "\n"
        "<!-- --8<-- [start:again] -->\n"
        "| Backend | Wheel | sdist | Folder clean |\n"
        "| --- | --- | --- | --- |\n"
        "| one | yes | yes | yes |\n"
        "| other | no | no | no |\n"
        "<!-- --8<-- [end:again] -->\n"
    )


@pytest.mark.parametrize("column", [(table, column) for table, cells in backends.TABLES.items() for column in cells])
def test_the_files_that_a_column_asks_about_are_in_the_project(column: tuple[str, str]) -> None:
    # A name that no list has is a "yes" for every backend.
    table, name = column
    said = {backends.TABLES[table][name](made) for made in backends.read().values()}
    assert len(said) > 1
