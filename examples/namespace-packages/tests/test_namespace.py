"""Two parts of one namespace meet, wherever they lie; one `__init__.py` parts them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harbour import tide

TIDE = Path(tide.__file__).parent
WIND = Path(__file__).parents[1] / "wind" / "src" / "harbour" / "wind"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Each part in a folder of its own, as in two editable installs."""
    for part in (TIDE, WIND):
        shutil.copytree(part, tmp_path / f"of_{part.name}" / "harbour" / part.name)
    return {"tide": tmp_path / "of_tide", "wind": tmp_path / "of_wind"}


def run(code: str, *searched: Path) -> subprocess.CompletedProcess[str]:
    """Run the code in a new interpreter that searches these folders and nothing that is installed."""
    path = os.environ | {"PYTHONPATH": os.pathsep.join(str(folder) for folder in searched)}
    return subprocess.run([sys.executable, "-S", "-c", code], env=path, capture_output=True, text=True)


def missing_after(code: str, *searched: Path) -> str:
    """Run imports, and give the name of the module that was not found."""
    result = run(f"try:\n    {code}\nexcept ModuleNotFoundError as error:\n    print(error.name)", *searched)
    assert result.stderr == ""
    return result.stdout.strip()


def test_no_part_brings_an_init_file_for_the_shared_folder() -> None:
    assert [(part.parent / "__init__.py").exists() for part in (TIDE, WIND)] == [False, False]


def test_both_parts_are_importable_from_two_folders(folders: dict[str, Path]) -> None:
    code = "from datetime import datetime; from harbour import tide, wind; "
    code += "print(tide.next_high_water(datetime(2026, 11, 20, 6, 0)), wind.knots(463))"
    result = run(code, folders["tide"], folders["wind"])
    assert (result.stdout, result.stderr) == ("2026-11-20 18:25:00 900.0\n", "")


def test_the_path_of_the_namespace_lists_a_folder_of_each_part(folders: dict[str, Path]) -> None:
    result = run("import harbour; print(*harbour.__path__, sep='\\n')", folders["wind"], folders["tide"])
    assert result.stdout.splitlines() == [str(folders["wind"] / "harbour"), str(folders["tide"] / "harbour")]


def test_a_part_works_without_the_other(folders: dict[str, Path]) -> None:
    assert missing_after("import harbour.tide, harbour.wind", folders["tide"]) == "harbour.wind"


@pytest.mark.parametrize("order", [["tide", "wind"], ["wind", "tide"]])
def test_an_init_file_in_one_part_hides_the_other(order: list[str], folders: dict[str, Path]) -> None:
    (folders["wind"] / "harbour" / "__init__.py").touch()
    searched = [folders[part] for part in order]
    assert missing_after("import harbour.wind, harbour.tide", *searched) == "harbour.tide"
