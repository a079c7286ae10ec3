"""The table is found from any folder and inside a zip; the broken ways are not."""

import subprocess
import sys
import zipfile
from pathlib import Path

import data_files
import pytest

PACKAGE = Path(data_files.__file__).parent


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The package in a zip, from which Python imports as well."""
    path = tmp_path / "data_files.zip"
    with zipfile.ZipFile(path, "w") as members:
        for file in PACKAGE.iterdir():
            if file.is_file():
                members.write(file, f"data_files/{file.name}")
    return path


def run(code: str, archive: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the code in a new interpreter that imports from the zip, started in the folder."""
    code = f"import sys; sys.path.insert(0, {str(archive)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(("station", "metres"), [("Brest", 4.4), ("Cuxhaven", 3.0), ("Marseille", 0.1)])
def test_the_table_gives_the_range_in_metres(station: str, metres: float) -> None:
    assert data_files.mean_range(station) == metres


def test_an_unknown_station_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"^'Atlantis'$"):
        data_files.mean_range("Atlantis")


def test_the_table_is_lent_as_a_file() -> None:
    with data_files.table_path() as path:
        assert path == PACKAGE / "stations.csv"


def test_the_table_is_read_inside_a_zip(archive: Path, tmp_path: Path) -> None:
    result = run("import data_files; print(data_files.mean_range('Brest'))", archive, tmp_path)
    assert (result.stdout, result.stderr) == ("4.4\n", "")


def test_a_table_inside_a_zip_is_lent_as_a_copy_that_goes_again(archive: Path, tmp_path: Path) -> None:
    code = "from data_files import table_path\nwith table_path() as path: print(path.read_text()[:7])\n"
    result = run(code + "print(path.exists())", archive, tmp_path)
    assert (result.stdout, result.stderr) == ("station\nFalse\n", "")


def test_a_bare_name_is_looked_up_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data_files.broken import from_the_current_folder

    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        from_the_current_folder()
    assert caught.value.filename == "stations.csv"


def test_a_path_beside_the_module_is_no_file_inside_a_zip(archive: Path, tmp_path: Path) -> None:
    code = "from data_files.broken import from_beside_this_module\nimport sys\n"
    code += "try:\n    from_beside_this_module()\nexcept OSError as error:\n    print(error.filename)"
    result = run(code, archive, tmp_path)
    assert (result.stdout, result.stderr) == (f"{archive / 'data_files' / 'stations.csv'}\n", "")
